//! Phases alone, and phases left out.

use std::collections::BTreeSet;

use kubewright_engine::{PhaseInfo, Workflow};
use kubewright_lab::Reader;

use super::command::Kubewright;
use super::stage::Stage;
use super::tree::{Tree, tree};

const PKI: &str = "/etc/kubernetes/pki";

#[test]
#[ignore = "needs lab nodes"]
fn a_phase_works_alone_once_what_it_reads_is_there() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    let file = stage.configuration(1, Reader::Kubewright);
    let phase = |name: &str| Kubewright::on(node).words(["init", "phase", "certs", name, "--config"]).word(&file);

    let alone = phase("apiserver").run();
    assert_eq!(alone.status.code(), Some(1), "{}", alone.said());
    assert!(alone.err.contains("hint: run `kubewright init phase certs ca` first"), "{}", alone.said());
    assert_eq!(files(&tree(node, [PKI])), [""; 0]);

    phase("ca").succeed();
    assert_eq!(files(&tree(node, [PKI])), ["ca.crt", "ca.key"]);
    let authority = tree(node, [PKI]);
    let ended = phase("apiserver").succeed();
    assert_eq!(ended.started(), BTreeSet::from(["certs/apiserver"]));
    let after = tree(node, [PKI]);
    assert_eq!(files(&after), ["apiserver.crt", "apiserver.key", "ca.crt", "ca.key"]);
    for path in [format!("{PKI}/ca.crt"), format!("{PKI}/ca.key")] {
        assert_eq!(authority[&path], after[&path], "{path}");
    }
    let listed = node.exec(["kubeadm", "certs", "check-expiration"]).unwrap();
    let listed = super::stage::said(&listed);
    assert!(!listed.contains("panic"), "{listed}");

    // What it made passes its own check of certificates that are there already: signed by that authority, right names.
    phase("apiserver").succeed();
    assert_eq!(tree(node, [PKI]), after, "a second time is not the same as once");
}

#[test]
#[ignore = "needs lab nodes"]
fn phases_that_are_skipped_do_not_run_and_leave_nothing() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    let skipped = [
        "etcd",
        "control-plane/scheduler",
        "kubelet-start",
        "wait-control-plane",
        "upload-config",
        "upload-certs",
        "mark-control-plane",
        "bootstrap-token",
        "kubelet-finalize",
        "addon",
        "show-join-command",
    ];
    let ended = stage.init().words(["--skip-phases", &skipped.join(",")]).succeed();
    let ran: BTreeSet<&str> = ended.started();
    let covered = |path: &str| skipped.iter().any(|skip| path == *skip || path.starts_with(&format!("{skip}/")));
    let plan = ended.begun().2.iter().filter(|phase| applies(phase));
    let expected: BTreeSet<&str> = plan.map(|phase| phase.path.as_str()).filter(|path| !covered(path)).collect();
    assert_eq!(ran, expected);
    let manifests = files(&tree(node, ["/etc/kubernetes/manifests"]));
    assert_eq!(manifests, ["kube-apiserver.yaml", "kube-controller-manager.yaml"]);
    assert_eq!(files(&tree(node, ["/var/lib/kubelet"])), [""; 0]);

    let unknown = stage.init().words(["--skip-phases", "addon/corends"]).run();
    assert_eq!(unknown.status.code(), Some(1));
    assert!(unknown.err.contains("addon/corends") && unknown.err.contains("addon/coredns"), "{}", unknown.said());
}

#[test]
#[ignore = "needs lab nodes"]
fn help_shows_the_tree_of_phases() {
    let stage = Stage::with_nodes(1);
    let help = |words: &[&str]| stage.node(1).run(["kubewright", "init"].iter().chain(words)).unwrap();
    let whole = help(&["--help"]);
    let top = help(&["phase", "--help"]);
    for path in paths() {
        let (shown, name) = match path.split_once('/') {
            None => (top.clone(), path.clone()),
            Some((group, name)) => {
                assert!(whole.contains(&format!("/{name} ")), "`{path}` is not in `init --help`:\n{whole}");
                (help(&["phase", group, "--help"]), name.to_owned())
            }
        };
        let listed = shown.lines().any(|line| line.trim_start().starts_with(&format!("{name} ")));
        assert!(listed, "`{path}` is not listed:\n{shown}");
    }
}

/// Whether the phase has something to do in this version of Kubernetes.
pub fn applies(phase: &PhaseInfo) -> bool {
    phase.step == "run" || matches!(phase.why.as_deref(), Some("skipped" | "not selected" | "already finished"))
}

/// Every phase of `init` by its path.
fn paths() -> Vec<String> {
    let workflow = Workflow::new("init", kubewright_phases::INIT).unwrap();
    let tree = workflow.with_groups(kubewright_phases::INIT_GROUPS).tree();
    let mut paths = Vec::new();
    let mut open = vec![&tree];
    while let Some(branch) = open.pop() {
        match branch.children.is_empty() {
            true => paths.push(branch.path.clone()),
            false => open.extend(&branch.children),
        }
    }
    assert!(paths.len() > 20, "{paths:?}");
    paths
}

/// The names of the files in a tree.
fn files(tree: &Tree) -> Vec<String> {
    let paths = tree.iter().filter(|(_, entry)| entry.is_file()).map(|(path, _)| path);
    paths.filter_map(|path| path.rsplit('/').next()).map(str::to_owned).collect()
}
