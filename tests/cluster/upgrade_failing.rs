//! Upgrades that cannot end well: whatever fails, and whenever the program dies, the node is as before and says so.

use std::fs;
use std::time::{Duration, Instant};

use kubewright_lab::{Node, Reader};
use rustix::process::Signal;

use super::command::{Ended, Kubewright};
use super::restore::destroyed_data_comes_back;
use super::stage::{Stage, ours};
use super::tree::{Entry, Tree, differences, tree};
use super::watching::watch;

/// The longest that an upgrade which fails may take until the old state serves.
const LONGEST: Duration = Duration::from_secs(180);
/// The configuration of all of them. How long things may take is not in it: the defaults must do.
const CONFIG: &str = "/etc/kubernetes/upgrade.yaml";
const PATCHES: &str = "/etc/kubernetes/patches";

fn configure(node: &Node, version: &str) {
    let text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\napply:\n  kubernetesVersion: {version}\n  \
         forceUpgrade: true\n  ignorePreflightErrors: [ImagePull]\n  patches: {{directory: {PATCHES}}}\n"
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

/// Runs what must be refused before anything is replaced.
fn changes_nothing(node: &Node, what: &str, command: &Kubewright<'_>, why: &str) {
    let (before, start) = (tree(node, ["/etc/kubernetes"]), Instant::now());
    let refused = command.run();
    eprintln!("{what}: refused after {:.1} s", start.elapsed().as_secs_f64());
    assert_eq!(refused.status.code(), Some(1), "{what}: {}", refused.said());
    assert!(refused.said().contains(why), "{what}: {}", refused.said());
    assert!(start.elapsed() < LONGEST, "{what}");
    assert_eq!(differences(&before, &tree(node, ["/etc/kubernetes"])), [""; 0], "{what}");
}

fn configmap(node: &Node, verb: &str, name: &str) -> bool {
    node.exec(["kubectl", verb, "configmap", name]).unwrap().status.success()
}

/// What fails where etcd goes on.
fn etcd_goes_on(node: &Node, next: &str) {
    let missing = format!("{}.99", next.rsplit_once('.').unwrap().0);
    let words = ["upgrade", "apply", &missing, "--yes"];
    changes_nothing(node, "an image that is missing", &Kubewright::on(node).words(words), "[ERROR ImagePull]");
    node.run(["mkdir", "-p", "/var/lib/kubewright/snapshots"]).unwrap();
    node.run(["mount", "-t", "tmpfs", "-o", "size=32m", "none", "/var/lib/kubewright/snapshots"]).unwrap();
    changes_nothing(node, "no room for the snapshot", &apply(node), "and 32 MiB are free");
    node.run(["umount", "/var/lib/kubewright/snapshots"]).unwrap();

    patch(node, "kube-controller-manager", "--no-such-flag");
    let ended = goes_back(node, "a component that ends again and again", || apply(node).run());
    assert!(ended.said().contains("etcd's data stays as it is, whatever happens"), "{}", ended.said());

    // The way back of another one is killed; the next command finishes it first, and says so.
    patch(node, "kube-scheduler", "--no-such-flag");
    let mut stopped = apply(node).start();
    stopped.wait_for_words("Going back to");
    stopped.signal(Signal::KILL);
    assert_eq!(stopped.end().killed_by(), Some(9));
    let ended = goes_back(node, "the rest of a way back after its death", || apply(node).run());
    assert!(ended.said().contains("it is finished first"), "{}", ended.said());

    // It runs, and its health never turns green: nothing listens where it is asked.
    patch(node, "kube-controller-manager", "--secure-port=0");
    goes_back(node, "health that never turns green", || apply(node).run());
}

/// What fails with etcd.
fn etcd_fails(node: &Node) {
    assert!(configmap(node, "create", "kept"));
    // With etcd the API server goes, too: nobody can be asked on the way back.
    patch(node, "etcd", "--no-such-flag");
    goes_back(node, "an etcd that refuses to start", || apply(node).run());
    assert!(configmap(node, "get", "kept"));

    // The same, with the agreement that the data goes back; killed inside of the phases, again and again. It is another
    // manifest, because the kubelet would remember that it waits longer and longer before it starts that one.
    patch(node, "etcd", "--no-such-flag-either");
    let mut stopped = apply(node).word("--restore-etcd").start();
    stopped.wait_for_words("Making new data from");
    stopped.signal(Signal::KILL);
    assert_eq!(stopped.end().killed_by(), Some(9));
    let mut deaths = 1;
    let ended = goes_back(node, "the rest of a way back with etcd's data", || {
        for effect in (1..).step_by(2) {
            let ended = apply(node).with("KUBEWRIGHT_KILL_AT", format!("control-plane:settle:{effect}")).run();
            if ended.killed_by().is_none() {
                return ended;
            }
            deaths += 1;
        }
        unreachable!()
    });
    eprintln!("{deaths} deaths on that way back");
    assert!(deaths >= 3, "it has more effects than that");
    assert!(ended.said().contains("it is finished first"), "{}", ended.said());
    assert!(configmap(node, "get", "kept"));
}

/// Two clusters of one node each fail beside each other, because most of it is waiting.
#[test]
#[ignore = "needs lab nodes"]
fn whatever_fails_the_node_is_as_before_and_says_so() {
    let stage = Stage::with_nodes(2);
    let next = stage.next_release();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let node = stage.node(2);
            let file = stage.configuration(2, Reader::Kubewright);
            Kubewright::on(node).words(["init", "--config"]).word(file).succeed();
            node.run(["kubectl", "wait", "--for=condition=Ready", "node/node2", "--timeout=300s"]).unwrap();
            configure(node, &next);
            etcd_goes_on(node, &next);
        });
        stage.cluster(ours(), ours(), 1, 0).up().unwrap();
        let node = stage.node(1);
        destroyed_data_comes_back(node);
        configure(node, &next);
        etcd_fails(node);
    });
}
