//! etcd's data is destroyed, and an upgrade cannot end well: the node is as before, and that is said.

use std::fs;
use std::time::{Duration, Instant};

use kubewright_lab::Node;

use super::command::{Ended, Kubewright};
use super::restore::destroyed_data_comes_back;
use super::stage::{Stage, ours};
use super::tree::{Entry, Tree, differences, tree};
use super::watching::watch;

/// The longest that an upgrade which fails may take until the old state serves.
const LONGEST: Duration = Duration::from_secs(180);
/// The configuration of all of them. A component has a minute, so that one that never comes up is given up in time; by
/// default it has five, as with kubeadm.
const CONFIG: &str = "/etc/kubernetes/upgrade.yaml";
const PATCHES: &str = "/etc/kubernetes/patches";

fn configure(node: &Node, version: &str) {
    let text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\napply:\n  kubernetesVersion: {version}\n  \
         forceUpgrade: true\n  ignorePreflightErrors: [ImagePull]\n  patches: {{directory: {PATCHES}}}\n\
         timeouts: {{upgradeManifests: 60s}}\n"
    );
    fs::write(node.path(CONFIG), text).unwrap();
    fs::create_dir_all(node.path(PATCHES)).unwrap();
}

/// Lets the next upgrade give a component an argument more.
fn patch(node: &Node, component: &str, argument: &str) {
    for old in fs::read_dir(node.path(PATCHES)).unwrap() {
        fs::remove_file(old.unwrap().path()).unwrap();
    }
    let text = format!(r#"[{{"op": "add", "path": "/spec/containers/0/command/-", "value": "{argument}"}}]"#);
    fs::write(node.path(&format!("{PATCHES}/{component}+json.json")), text).unwrap();
}

fn apply(node: &Node) -> Kubewright<'_> {
    Kubewright::on(node).words(["upgrade", "apply", "--config", CONFIG])
}

/// Runs what fails; afterwards everything must be as before and serve, and that must have been said.
fn goes_back(node: &Node, what: &str, run: impl FnOnce() -> Ended) -> Ended {
    // What was put back was written anew.
    let manifests = || -> Tree {
        let found = tree(node, ["/etc/kubernetes/manifests", "/etc/kubernetes/pki"]);
        found.into_iter().map(|(path, entry)| (path, Entry { modified: 0, ..entry })).collect()
    };
    let (before, watching, start) = (manifests(), watch(node), Instant::now());
    let ended = run();
    let took = start.elapsed();
    eprintln!("{what}: as before after {:.1} s", took.as_secs_f64());
    assert_eq!(ended.status.code(), Some(4), "{what}: {}", ended.said());
    assert!(ended.said().contains("and its control plane serves"), "{what}: {}", ended.said());
    assert!(took < LONGEST, "{what}: {took:?}");
    let seen = watching.end();
    assert!(seen.gone.is_empty(), "{what}: {seen:?}");
    assert_eq!(differences(&before, &manifests()), [""; 0], "{what}");
    node.run(["kubectl", "get", "nodes", "--request-timeout=10s"]).unwrap();
    ended
}

#[test]
#[ignore = "needs lab nodes"]
fn destroyed_data_comes_back_and_health_that_never_turns_green_leads_back() {
    let stage = Stage::with_nodes(1);
    let next = stage.next_release();
    stage.cluster(ours(), ours(), 1, 0).up().unwrap();
    let node = stage.node(1);
    destroyed_data_comes_back(node);
    configure(node, &next);

    // It runs, and its health never turns green: nothing listens where it is asked.
    patch(node, "kube-controller-manager", "--secure-port=0");
    let ended = goes_back(node, "health that never turns green", || apply(node).run());
    assert!(ended.said().contains("etcd's data stays as it is, whatever happens"), "{}", ended.said());
}
