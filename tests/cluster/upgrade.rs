//! `upgrade apply` and `upgrade rollback`, from one patch release to the next: the same source under another
//! stamp.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use kubewright_lab::Node;
use serde_json::Value as Json;

use super::command::{Ended, Kubewright};
use super::restore::{is_restored, keys};
use super::stage::{Stage, ours, said};
use super::tree::{STATE_DIR, differences, tree};
use super::watching::{MANIFESTS, watch};

/// CoreDNS's image can be had from nowhere here; all others are on the node.
pub const IGNORED: &str = "--ignore-preflight-errors=ImagePull";
pub const REPLACED: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// What the kubelet calls the manifest of each component that runs, as the runtime knows it: the API server may tell of it
/// more than a minute later.
pub fn hashes(node: &Node) -> BTreeMap<String, String> {
    let script = "for id in $(ctr -n k8s.io tasks list | awk '$3 == \"RUNNING\" {print $1}'); do \
                  ctr -n k8s.io containers info $id; done";
    let start = Instant::now();
    loop {
        let text = node.run(["bash", "-c", script]).unwrap();
        let mut found = BTreeMap::<String, BTreeSet<String>>::new();
        for container in serde_json::Deserializer::from_str(&text).into_iter::<Json>().map(Result::unwrap) {
            let label = |name: &str| container["Labels"].get(name).and_then(Json::as_str).map(str::to_owned);
            if let (Some(name), Some(pod)) = (label("io.kubernetes.container.name"), label("io.kubernetes.pod.uid")) {
                found.entry(name).or_default().insert(pod);
            }
        }
        found.retain(|name, _| MANIFESTS.contains(&format!("{name}.yaml").as_str()));
        // One that was replaced may take its time to end.
        if found.len() == MANIFESTS.len() && found.values().all(|pods| pods.len() == 1) {
            return found.into_iter().map(|(name, pods)| (name, pods.into_iter().collect())).collect();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{found:?}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The images of the control plane's manifests on the node.
pub fn images(node: &Node) -> BTreeMap<String, String> {
    REPLACED.map(|name| (name.to_owned(), image(node, name))).into()
}

/// The image in a component's manifest.
pub fn image(node: &Node, name: &str) -> String {
    let text = manifest(node, name);
    text.lines().find_map(|line| line.trim().strip_prefix("image: ")).unwrap().to_owned()
}

fn manifest(node: &Node, name: &str) -> String {
    fs::read_to_string(node.path(&format!("/etc/kubernetes/manifests/{name}.yaml"))).unwrap()
}

/// What `upgrade diff` says of manifests: as they are, and as they will be. With all lines around both stand in it.
fn differences_of(node: &Node, next: &str) -> BTreeMap<String, (String, String)> {
    let shown = Kubewright::on(node).words(["upgrade", "diff", next, "-c", "10000"]).succeed();
    let mut found = BTreeMap::<String, (String, String)>::new();
    let mut name = None;
    for line in shown.out.lines() {
        match (line.strip_prefix("--- /etc/kubernetes/manifests/"), line.get(1..)) {
            (Some(file), _) => name = file.strip_suffix(".yaml").map(str::to_owned),
            (None, Some(text)) if !line.starts_with("+++ ") && !line.starts_with("@@ ") => {
                let Some(name) = &name else { continue };
                let (old, new) = found.entry(name.clone()).or_default();
                if !line.starts_with('+') {
                    *old += &format!("{text}\n");
                }
                if !line.starts_with('-') {
                    *new += &format!("{text}\n");
                }
            }
            _ => {}
        }
    }
    found
}

pub fn stored_version(node: &Node) -> String {
    let config = node.run(["kubectl", "get", "cm", "-n", "kube-system", "kubeadm-config", "-o", "yaml"]).unwrap();
    let line = config.lines().find_map(|line| line.trim().strip_prefix("kubernetesVersion: ")).unwrap();
    line.to_owned()
}

/// What the node's API server says of itself.
pub fn server_version(node: &Node) -> String {
    let server = format!("--server=https://{}:6443", node.address());
    let told: Json =
        serde_json::from_str(&node.run(["kubectl", &server, "get", "--raw", "/version"]).unwrap()).unwrap();
    told["gitVersion"].as_str().unwrap().to_owned()
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let ended = run();
    eprintln!("{what}: {:.1} s", start.elapsed().as_secs_f64());
    ended
}

/// Runs it again and again until one comes to its end. Each run dies: before its phase `control-plane` begins, at each thing
/// that this has to write, before and after the files have their names by turns, and at the beginning of each later phase.
fn dies_and_goes_on<'a>(apply: &impl Fn() -> Kubewright<'a>) -> Ended {
    let mut later: Option<Vec<String>> = None;
    let mut kill_at = "control-plane:started".to_owned();
    let (mut deaths, mut places) = (0, ["sealed", "renamed"].into_iter().cycle());
    loop {
        let start = Instant::now();
        let ended = apply().with("KUBEWRIGHT_KILL_AT", &kill_at).run();
        eprintln!("{kill_at}: {} after {:.1} s", ended.status, start.elapsed().as_secs_f64());
        if ended.killed_by().is_none() {
            assert!(ended.status.success(), "{kill_at}: {}", ended.said());
            assert!(later.is_some_and(|later| later.is_empty()) && deaths > 10, "{deaths} deaths");
            eprintln!("{deaths} deaths on the way there");
            return ended;
        }
        assert_eq!(ended.killed_by(), Some(6), "{kill_at}: {}", ended.said());
        deaths += 1;
        // Its own plan says what comes later.
        let later = later.get_or_insert_with(|| {
            let paths = ended.begun().2.iter().map(|phase| phase.path.clone());
            paths.filter(|path| !["preflight", "control-plane"].contains(&path.as_str())).collect()
        });
        if ended.finished().contains("control-plane") && !later.is_empty() {
            later.remove(0);
        }
        kill_at = format!("control-plane:{}:1", places.next().unwrap());
        if let Some(phase) = later.first() {
            kill_at += &format!(",{phase}:started");
        }
    }
}

#[test]
#[ignore = "needs lab nodes"]
fn a_cluster_goes_to_the_next_release_back_and_there_again() {
    let stage = Stage::with_nodes(1);
    let next = stage.next_release();
    stage.cluster(ours(), ours(), 1, 0).up().unwrap();
    let first = stage.node(1);
    let old = stored_version(first);
    first.run(["kubectl", "create", "configmap", "kept", "--from-literal=a=b"]).unwrap();
    let before = hashes(first);

    // A dry run tells the way back, and changes nothing.
    let manifests = || tree(first, ["/etc/kubernetes", STATE_DIR]);
    let there = manifests();
    let dry =
        timed("dry run", || Kubewright::on(first).words(["upgrade", "apply", &next, "--dry-run", IGNORED]).succeed());
    assert!(dry.out.contains("goes back to") && dry.out.contains("Finished dryrunning successfully"), "{}", dry.said());
    assert_eq!(differences(&there, &manifests()), [""; 0]);

    let shown = timed("upgrade diff", || differences_of(first, &next));
    assert!(shown.iter().all(|(name, (old, _))| *old == manifest(first, name)), "{shown:?}");

    // Whenever it dies, the same command goes on. What etcd holds is saved by the first of them.
    let saved = keys(first);
    let watching = watch(first);
    let apply = || Kubewright::on(first).words(["upgrade", "apply", &next, "--yes", IGNORED]);
    let applied = timed("upgrade apply, with its deaths", || dies_and_goes_on(&apply));
    let seen = watching.end();
    assert!(applied.out.contains(&format!("was upgraded to \"{next}\"")), "{}", applied.said());
    assert!(seen.gone.is_empty(), "{seen:?}");
    assert_eq!(seen.replaced, REPLACED.map(|name| format!("{name}.yaml")).into());
    assert_eq!(shown.len(), REPLACED.len(), "what was shown is what was done");
    assert!(shown.iter().all(|(name, (_, new))| *new == manifest(first, name)), "{shown:?}");
    let after = hashes(first);
    for name in REPLACED {
        assert_ne!(after[name], before[name], "{name}");
        assert!(images(first)[name].ends_with(&format!(":{next}")), "{:?}", images(first));
    }
    assert_eq!(after["etcd"], before["etcd"], "nothing of its manifest has changed");
    assert_eq!(stored_version(first), next);
    first.run(["kubectl", "get", "configmap", "kept"]).unwrap();
    assert_eq!(server_version(first), next);

    let watching = watch(first);
    let again = timed("upgrade apply again", || apply().succeed());
    assert!(again.out.contains("are equal, skipping upgrade"), "{}", again.said());
    assert!(watching.end().replaced.is_empty(), "nothing is left to replace");

    // By hand it goes back too, with the cluster's configuration, and if that is asked for with etcd's data.
    first.run(["kubectl", "create", "configmap", "later"]).unwrap();
    let watching = watch(first);
    let words = ["upgrade", "rollback", "--restore-etcd"];
    timed("upgrade rollback with etcd's data", || Kubewright::on(first).words(words).succeed());
    assert!(watching.end().gone.is_empty());
    is_restored(first, &saved);
    assert_eq!((hashes(first), stored_version(first)), (before, old));
    first.run(["kubectl", "get", "configmap", "kept"]).unwrap();
    let later = first.exec(["kubectl", "get", "configmap", "later"]).unwrap();
    assert!(said(&later).contains("NotFound"), "what was written since is lost: {}", said(&later));
}
