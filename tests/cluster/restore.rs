//! etcd's data is destroyed and comes back from a snapshot: every key, and every object that the API server shows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubewright_lab::Node;
use serde_json::Value as Json;

use super::command::Kubewright;
use super::members::etcdctl;

/// Where the test saves what it restores.
const SNAPSHOT: &str = "/var/lib/kubelet/of-the-test.db";
/// What a cluster that lives changes by itself, within seconds. Of these only is more allowed than to come back as they
/// were: to be written again afterwards.
const ALIVE: [&str; 15] = [
    "/registry/apiregistration.k8s.io/",
    "/registry/configmaps/kube-system/extension-apiserver-authentication",
    "/registry/daemonsets/",
    "/registry/deployments/",
    "/registry/endpointslices/",
    "/registry/events/",
    "/registry/flowschemas/",
    "/registry/leases/",
    "/registry/masterleases/",
    "/registry/minions/",
    "/registry/peerserverleases/",
    "/registry/pods/",
    "/registry/ranges/",
    "/registry/replicasets/",
    "/registry/services/endpoints/",
];

/// All that etcd holds.
pub struct Keys {
    pub revision: u64,
    /// Each key with the revision that wrote it, and its value.
    pub keys: BTreeMap<String, (u64, String)>,
}

/// Whether a cluster that lives changes this key by itself.
pub fn is_alive(name: &str) -> bool {
    ALIVE.iter().any(|prefix| name.starts_with(prefix))
}

/// All that a node's etcd holds.
pub fn keys(node: &Node) -> Keys {
    let found: Json = serde_json::from_str(&etcdctl(node, &["get", "", "--prefix", "-w", "json"])).unwrap();
    let number = |value: &Json| value.as_u64().unwrap();
    let key = |pair: &Json| {
        let name = STANDARD.decode(pair["key"].as_str().unwrap()).unwrap();
        let value = pair["value"].as_str().unwrap_or_default().to_owned();
        (String::from_utf8(name).unwrap(), (number(&pair["mod_revision"]), value))
    };
    Keys {
        revision: number(&found["header"]["revision"]),
        keys: found["kvs"].as_array().unwrap().iter().map(key).collect(),
    }
}

/// Every key is as it was saved, with the revision that had written it, unless a cluster that lives has written it since.
pub fn is_restored(node: &Node, saved: &Keys) -> Keys {
    let restored = keys(node);
    assert!(restored.revision >= saved.revision, "{} is before {}", restored.revision, saved.revision);
    let (mut same, mut written, mut wrong) = (0, 0, Vec::new());
    for (name, saved) in &saved.keys {
        let alive = is_alive(name);
        match restored.keys.get(name) {
            Some(found) if found == saved => same += 1,
            Some(found) if alive && found.0 > saved.0 => written += 1,
            None if alive => written += 1,
            found => wrong.push((name, saved.0, found.map(|found| found.0))),
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    eprintln!(
        "{same} keys as they were saved, with their revisions, and {written} that live; revision {} was {}",
        restored.revision, saved.revision
    );
    assert!(same > 2 * written, "{same} and {written}");
    restored
}

/// Every object of every resource that the API server discovers, without what changes by itself.
fn objects(node: &Node) -> BTreeMap<String, Json> {
    let script = "kubectl get $(kubectl api-resources --verbs=list -o name | grep -v -e ^events -e ^leases | sort -u | paste -sd,) \
                  -A -o json";
    let list: Json = serde_json::from_str(&node.run(["bash", "-c", script]).unwrap()).unwrap();
    let object = |mut object: Json| {
        let at = |name: &str| object.pointer(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let name = [at("/apiVersion"), at("/kind"), at("/metadata/namespace"), at("/metadata/name")].join(" ");
        object.as_object_mut().unwrap().remove("status");
        let metadata = object["metadata"].as_object_mut().unwrap();
        for volatile in ["managedFields", "resourceVersion", "generation"] {
            metadata.remove(volatile);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Json::as_object_mut) {
            annotations.retain(|name, _| !name.contains("leader") && !name.contains("change-trigger-time"));
        }
        // Which addresses are ready is as volatile as a status.
        if ["Endpoints", "EndpointSlice"].iter().any(|kind| object["kind"] == *kind) {
            object.as_object_mut().unwrap().retain(|name, _| ["kind", "metadata"].contains(&name.as_str()));
        }
        (name, object)
    };
    list["items"].as_array().unwrap().iter().cloned().map(object).collect()
}

/// Saves the data, changes some, destroys all of it, and restores it with a command that dies on the way.
pub fn destroyed_data_comes_back(node: &Node) {
    let configmap = |verb: &str, name: &str| drop(node.run(["kubectl", verb, "configmap", name]).unwrap());
    configmap("create", "saved");
    let (before, objects_before) = (keys(node), objects(node));
    etcdctl(node, &["snapshot", "save", SNAPSHOT]);
    let after = keys(node);
    configmap("delete", "saved");
    configmap("create", "later");

    // What is wrong is told before anything is stopped.
    let wrong = Kubewright::on(node).words(["etcd", "restore", "--yes", "--snapshot", "/etc/hosts"]).run();
    assert_eq!(wrong.status.code(), Some(1), "{}", wrong.said());
    assert!(wrong.said().contains("SHA-256"), "{}", wrong.said());
    let restore = || Kubewright::on(node).words(["etcd", "restore", "--yes", "--snapshot", SNAPSHOT]);
    let dry = restore().word("--dry-run").succeed();
    assert!(dry.out.contains("In this order: the kubelet is stopped"), "{}", dry.said());
    node.run(["kubectl", "get", "configmap", "later"]).unwrap();

    // etcd still runs when its files go.
    node.run(["sh", "-c", "rm -rf /var/lib/etcd/* && ls -A /var/lib/etcd | wc -l | grep -qx 0"]).unwrap();
    let mut deaths = 0;
    for effect in (2..).step_by(3) {
        let start = Instant::now();
        let ended = restore().with("KUBEWRIGHT_KILL_AT", format!("data:settle:{effect}")).run();
        eprintln!("etcd restore, killed at effect {effect}: {:.1} s", start.elapsed().as_secs_f64());
        if ended.status.success() {
            assert!(ended.out.contains("kube-scheduler serves"), "{}", ended.said());
            break;
        }
        assert_eq!(ended.killed_by(), Some(6), "{}", ended.said());
        deaths += 1;
    }
    assert!(deaths >= 2, "it has more effects than that");

    // What was written between the two looks may or may not be in the snapshot.
    let sure = before.keys.into_iter().filter(|(name, found)| after.keys.get(name) == Some(found)).collect();
    let restored = is_restored(node, &Keys { keys: sure, ..before });
    let added: Vec<_> =
        restored.keys.keys().filter(|name| !after.keys.contains_key(*name) && !is_alive(name)).collect();
    assert!(added.is_empty(), "{added:?}");
    let objects_after = objects(node);
    let names = |objects: &BTreeMap<String, Json>| objects.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&objects_before), names(&objects_after));
    for (name, object) in &objects_before {
        assert_eq!(object, &objects_after[name], "{name}");
    }
    eprintln!("{} objects of the API are as they were", objects_after.len());
    // And it works on.
    configmap("create", "afterwards");
}
