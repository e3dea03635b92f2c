//! `init`, `join` and `reset`, killed at every call that changes something and at every request, on real nodes. `certs renew`
//! dies like that in `renew`.
//!
//! A cluster takes too long to make one for every death, so each is made once, by the same command again and again: every
//! run is killed at the first call that none was killed at before. What is left after hundreds of deaths must be what one
//! undisturbed run leaves. By hand: `KUBEWRIGHT_SWEEP=all cargo lab test cluster::sweep`, or `KUBEWRIGHT_SWEEP=reset` for every
//! call of one command; CI takes one call of many.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kubewright_lab::Node;
use serde_json::{Value as Json, json};

use super::command::Kubewright;
use super::march::{files, is_whole, march};
use super::members::{leave, listed_planes, voters, wait_for_leader};
use super::post_conditions::{Expected, post_conditions};
use super::reset::{Looked, configuration};
use super::stage::{Stage, ours};
use crate::laws::end_state::differences;

#[test]
#[ignore = "needs lab nodes"]
fn init_and_a_workers_join_end_the_same_whatever_call_they_die_at() {
    let stage = Stage::with_nodes(2);
    let cluster = stage.cluster(ours(), ours(), 1, 1);
    let (first, second) = (stage.node(1), stage.node(2));
    let before = (Looked::at(first), Looked::at(second));
    let init = cluster.write_init(first).unwrap();
    Kubewright::on(first).words(["init", "--config"]).word(&init).succeed();
    let join = cluster.write_join(second, &cluster.ticket(first, false).unwrap(), false).unwrap();
    Kubewright::on(second).words(["join", "--config"]).word(&join).succeed();
    stage.wait_until_up(1, 1);
    let undisturbed = (files(first), files(second), objects(first));
    (1..=2).for_each(|number| stage.reset(number));

    march(first, "init", &configured("init", &init), 20, 25);
    let join = cluster.write_join(second, &cluster.ticket(first, false).unwrap(), false).unwrap();
    march(second, "join", &configured("join", &join), 10, 10);
    stage.wait_until_up(1, 1);
    assert_eq!(differences(&files(first), &undisturbed.0), [""; 0], "the control plane");
    assert_eq!(differences(&files(second), &undisturbed.1), [""; 0], "the worker");
    assert_eq!(differences(&objects(first), &undisturbed.2), [""; 0], "objects");
    post_conditions(&stage, &Expected::of(1, 1));

    // By hand: when the last member of etcd's cluster has ended, each run waits in vain for an answer.
    if is_whole("reset") {
        for (node, before) in [(second, before.1), (first, before.0)] {
            march(node, "reset", &["kubewright", "reset", "--config", configuration(node, 1)], 1, 3);
            before.must_equal(&Looked::at(node));
        }
    }
}

#[test]
#[ignore = "needs lab nodes"]
fn a_control_planes_join_and_its_reset_end_the_same_whatever_call_they_die_at() {
    let stage = Stage::with_nodes(3);
    let cluster = stage.cluster(ours(), ours(), 3, 0);
    cluster.balance().unwrap();
    let (first, second, third) = (stage.node(1), stage.node(2), stage.node(3));
    let before = [second, third].map(Looked::at);
    let init = cluster.write_init(first).unwrap();
    Kubewright::on(first).words(["init", "--config"]).word(&init).succeed();
    let ticket = cluster.ticket(first, true).unwrap();
    let join = cluster.write_join(second, &ticket, true).unwrap();
    march(second, "join", &configured("join", &join), 25, 10);
    let join = cluster.write_join(third, &ticket, true).unwrap();
    Kubewright::on(third).words(["join", "--config"]).word(&join).succeed();
    stage.wait_until_up(3, 0);
    assert_eq!(voters(first), (1..=3).map(|number| stage.node(number).name()).collect::<BTreeSet<_>>());

    // Who joins later knows one member of etcd more; all else is alike but for name and address.
    let alike = |node: &Node| {
        let mask = |text: &str| text.replace(&node.name(), "<name>").replace(&node.address(), "<address>");
        let files = files(node).into_iter().map(|(path, says)| {
            let lines = says.lines().filter(|line| !line.contains("--initial-cluster="));
            (path, mask(&lines.collect::<Vec<_>>().join("\n")))
        });
        files.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(differences(&alike(second), &alike(third)), [""; 0], "the one that died, and the one that did not");

    // The same the other way round: one of three goes and dies on the way, and then one of two does not.
    march(second, "reset", &["kubewright", "reset", "--force"], 30, 3);
    let left = BTreeSet::from([first.name(), third.name()]);
    wait_for_leader(first);
    assert_eq!(voters(first), left);
    assert!(listed_planes(&stage, first).is_none_or(|listed| listed == left), "it stays in ClusterStatus");
    leave(&stage, third, first);
    for (node, before) in [second, third].into_iter().zip(before) {
        before.must_equal(&Looked::at(node));
    }
}

/// The words of a command that has a configuration file.
fn configured<'a>(command: &'a str, config: &'a Path) -> [&'a str; 4] {
    ["kubewright", command, "--config", config.to_str().unwrap()]
}

/// The cluster's objects, without what is random or the servers' own.
fn objects(first: &Node) -> BTreeMap<String, Json> {
    let kinds = "configmaps,secrets,roles,rolebindings,serviceaccounts,daemonsets,deployments,services,clusterroles,\
        clusterrolebindings,nodes";
    let list: Json = serde_json::from_str(&first.run(["kubectl", "get", "-A", "-o", "json", kinds]).unwrap()).unwrap();
    let authority = std::fs::read_to_string(first.path("/etc/kubernetes/pki/ca.crt")).unwrap();
    let encoded = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(&authority)
    };
    let escaped = json!(authority).to_string();
    let mut objects = BTreeMap::new();
    for mut object in list["items"].as_array().unwrap().clone() {
        let metadata = object["metadata"].as_object_mut().unwrap();
        for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"] {
            metadata.remove(field);
        }
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let elects = metadata.get("annotations").is_some_and(|found| found.to_string().contains("/leader"));
        let (kind, mut name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        object.as_object_mut().unwrap().remove("status");
        match kind.as_str() {
            _ if elects => continue,
            // Of another authority, and kept by the API server.
            "ConfigMap" if name == "extension-apiserver-authentication" => continue,
            "ConfigMap" if name == "cluster-info" => {
                let data = object["data"].as_object_mut().unwrap();
                data.retain(|key, _| !key.starts_with("jws-kubeconfig-"));
            }
            "Secret" if name.starts_with("bootstrap-token-") => {
                name = "bootstrap-token".into();
                object["metadata"]["name"] = json!(name);
                for field in ["token-id", "token-secret", "expiration"] {
                    object["data"].as_object_mut().unwrap().remove(field);
                }
            }
            // Those of service accounts.
            "Secret" => continue,
            "ServiceAccount" => {
                object.as_object_mut().unwrap().remove("secrets");
            }
            "Node" => {
                let spec = object["spec"].as_object_mut().unwrap();
                if let Some(Json::Array(mut taints)) = spec.remove("taints") {
                    // Those come and go with what the node's controller sees, and the list with the last of them.
                    taints.retain(|taint| !text(&taint["key"]).starts_with("node.kubernetes.io/"));
                    if !taints.is_empty() {
                        spec.insert("taints".into(), taints.into());
                    }
                }
            }
            _ => {}
        }
        let namespace = text(&object["metadata"]["namespace"]);
        let masked = object.to_string().replace(&encoded, "<ca>").replace(escaped.trim_matches('"'), "<ca>");
        objects.insert(format!("{kind} {namespace}/{name}"), serde_json::from_str(&masked).unwrap());
    }
    objects
}
