//! `upgrade apply`, `upgrade node` and `upgrade rollback`, from one patch release to the next: the same source under another
//! stamp.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use kubewright_lab::Node;
use rustix::process::Signal;

use super::command::Kubewright;
use super::stage::{Stage, ours};
use super::tree::{STATE_DIR, differences, tree};
use super::watching::watch;

/// CoreDNS's image can be had from nowhere here; all others are on the node.
const IGNORED: &str = "--ignore-preflight-errors=ImagePull";
const REPLACED: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// What the kubelet calls the manifest of each component that it runs.
fn hashes(node: &Node) -> BTreeMap<String, String> {
    let hash = r#"{range .items[*]}{.metadata.name} {.metadata.annotations.kubernetes\.io/config\.hash}{"\n"}{end}"#;
    let path = format!("jsonpath={hash}");
    let pods =
        node.run(["kubectl", "get", "pods", "-n", "kube-system", "-l", "tier=control-plane", "-o", &path]).unwrap();
    let own = format!("-{}", node.name());
    let line = |line: &str| {
        let (name, hash) = line.split_once(' ')?;
        Some((name.strip_suffix(&own)?.to_owned(), hash.to_owned()))
    };
    pods.lines().filter_map(line).collect()
}

/// The images of the control plane's manifests on the node.
fn images(node: &Node) -> BTreeMap<String, String> {
    let image = |name: &str| {
        let text = fs::read_to_string(node.path(&format!("/etc/kubernetes/manifests/{name}.yaml"))).unwrap();
        let line = text.lines().find_map(|line| line.trim().strip_prefix("image: ")).unwrap().to_owned();
        (name.to_owned(), line)
    };
    REPLACED.map(image).into()
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

fn stored_version(node: &Node) -> String {
    let config = node.run(["kubectl", "get", "cm", "-n", "kube-system", "kubeadm-config", "-o", "yaml"]).unwrap();
    let line = config.lines().find_map(|line| line.trim().strip_prefix("kubernetesVersion: ")).unwrap();
    line.to_owned()
}

/// Runs what must be refused before anything is replaced.
fn nothing_is_changed_by(node: &Node, words: &[&str], why: &str) {
    let before = tree(node, ["/etc/kubernetes"]);
    let refused = Kubewright::on(node).words(words).run();
    assert_eq!(refused.status.code(), Some(1), "{}", refused.said());
    assert!(refused.said().contains(why), "{}", refused.said());
    assert_eq!(differences(&before, &tree(node, ["/etc/kubernetes"])), [""; 0]);
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let ended = run();
    eprintln!("{what}: {:.1} s", start.elapsed().as_secs_f64());
    ended
}

#[test]
#[ignore = "needs lab nodes"]
fn a_cluster_goes_to_the_next_release_back_and_there_again() {
    let stage = Stage::with_nodes(2);
    let next = stage.next_release();
    let cluster = stage.cluster(ours(), ours(), 1, 1);
    cluster.up().unwrap();
    let (first, worker) = (stage.node(1), stage.node(2));
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

    // A manifest that can never come up: the node goes back by itself, and says so.
    let patches = first.path("/etc/kubernetes/patches");
    fs::create_dir_all(&patches).unwrap();
    let wrong = "[{\"op\": \"add\", \"path\": \"/spec/containers/0/command/-\", \"value\": \"--no-such-flag\"}]";
    fs::write(patches.join("kube-controller-manager+json.json"), wrong).unwrap();
    let kept = images(first);
    let watching = watch(first);
    let words = ["upgrade", "apply", &next, "--yes", IGNORED, "--patches=/etc/kubernetes/patches"];
    let failed = timed("an upgrade that goes back", || Kubewright::on(first).words(words).run());
    let seen = watching.end();
    assert_eq!(failed.status.code(), Some(4), "{}", failed.said());
    assert!(failed.said().contains(&format!("went back to {old}")), "{}", failed.said());
    assert!(seen.gone.is_empty(), "{seen:?}");
    assert_eq!((images(first), hashes(first)), (kept.clone(), before.clone()));
    assert_eq!(stored_version(first), old);

    // Killed on the way back, the next command finishes it first, and says so.
    let watching = watch(first);
    let mut stopped = Kubewright::on(first).words(words).start();
    stopped.wait_for_words("Going back to");
    stopped.signal(Signal::KILL);
    assert_eq!(stopped.end().killed_by(), Some(9));
    fs::remove_dir_all(&patches).unwrap();
    let apply = || Kubewright::on(first).words(["upgrade", "apply", &next, "--yes", IGNORED]);
    let finished = timed("the way back after a kill", || apply().run());
    assert_eq!(finished.status.code(), Some(4), "{}", finished.said());
    assert!(finished.said().contains("it is finished first"), "{}", finished.said());
    assert!(watching.end().gone.is_empty());
    assert_eq!((images(first), hashes(first)), (kept, before.clone()));

    nothing_is_changed_by(first, &["upgrade", "apply", "v1.20.99", "--yes"], "[ERROR ImagePull]");
    first.run(["mount", "-t", "tmpfs", "-o", "size=32m", "none", "/var/lib/kubewright/snapshots"]).unwrap();
    nothing_is_changed_by(first, &["upgrade", "apply", &next, "--yes", IGNORED], "and 32 MiB are free");
    first.run(["umount", "/var/lib/kubewright/snapshots"]).unwrap();

    let shown = timed("upgrade diff", || differences_of(first, &next));
    assert!(shown.iter().all(|(name, (old, _))| *old == manifest(first, name)), "{shown:?}");

    // Killed while it replaces, the same command goes on.
    for place in ["sealed", "renamed"] {
        let killed = apply().with("KUBEWRIGHT_KILL_AT", format!("control-plane:{place}")).run();
        assert!(!killed.status.success(), "{}", killed.said());
    }

    // And now for good.
    let watching = watch(first);
    let applied =
        timed("upgrade apply", || Kubewright::on(first).words(["upgrade", "apply", &next, "--yes", IGNORED]).succeed());
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
    let version = first.run(["kubectl", "version", "--short"]).unwrap();
    assert!(version.contains(&format!("Server Version: {next}")), "{version}");

    // Its data was saved, and the tool that etcd brings takes the copy for whole.
    let saved = first.run(["sh", "-c", "ls /var/lib/kubewright/snapshots/*.db | tail -1"]).unwrap();
    let status = first.run([
        "env",
        "ETCDCTL_API=3",
        "etcdctl",
        "snapshot",
        "restore",
        saved.trim(),
        "--data-dir=/var/lib/kubewright/restored",
    ]);
    status.unwrap();

    let node = timed("upgrade node", || Kubewright::on(worker).words(["upgrade", "node"]).succeed());
    assert!(node.out.contains("Skipping phase. Not a control plane node."), "{}", node.said());
    let watching = watch(first);
    let again = timed("upgrade apply again", || {
        Kubewright::on(first).words(["upgrade", "apply", &next, "--yes", IGNORED]).succeed()
    });
    assert!(again.out.contains("are equal, skipping upgrade"), "{}", again.said());
    assert!(watching.end().replaced.is_empty(), "nothing is left to replace");

    // By hand it goes back too, with the cluster's configuration.
    let watching = watch(first);
    timed("upgrade rollback", || Kubewright::on(first).words(["upgrade", "rollback"]).succeed());
    assert!(watching.end().gone.is_empty());
    assert_eq!((hashes(first), stored_version(first)), (before, old));
    first.run(["kubectl", "get", "configmap", "kept"]).unwrap();
}
