//! The node that is upgraded in the laws.

use std::fs;
use std::sync::Arc;

use camino::Utf8Path;
use kubewright_config::{KubernetesVersion, UpgradeCommand, UpgradeFlags, load_upgrade};
use kubewright_engine::{Done, Journal, Seeds, Selection, Workflow};
use kubewright_host::Overlay;
use kubewright_node::Node;
use kubewright_node::dry_run::{DryCluster, MadeUp, Sent};
use kubewright_phases::paths;
use kubewright_phases::upgrading::{UpgradeOptions, stand_in};
use kubewright_testkit::{TestNode, node};

use super::machine::{Ask, Ran, conduct};
use crate::graph;

/// What one command is told.
fn seeds(command: UpgradeCommand, options: UpgradeOptions) -> Seeds {
    let version = options.target.as_ref().map(ToString::to_string);
    let flags = UpgradeFlags { command, kubernetes_version: version, ..UpgradeFlags::default() };
    let (settings, _) = load_upgrade(None, &flags).unwrap();
    Seeds::new().with(settings).with(options)
}

pub fn options(command: &'static str, target: Option<&str>) -> UpgradeOptions {
    UpgradeOptions {
        command,
        target: target.map(|text| text.parse().unwrap()),
        kubeconfig: if target.is_some() { paths::ADMIN_CONF.into() } else { paths::KUBELET_CONF.into() },
        control_plane: target.is_some(),
        restore_etcd: false,
        resolved_active: false,
        proxy_environment: Vec::new(),
    }
}

/// The cluster as it was before, seen from a machine.
fn cluster(node: &TestNode, version: &KubernetesVersion, options: &UpgradeOptions) -> MadeUp {
    let read = |path: &Utf8Path| Ok(node.backends.files.read(path)?);
    let probe = &*node.backends.probe;
    stand_in::make(version, &read, options, (probe, &[]), node.backends.clock.now()).unwrap()
}

/// A dry run with a made-up cluster that has a version.
fn tried(
    node: &TestNode,
    workflow: Workflow<Node>,
    command: UpgradeCommand,
    options: &UpgradeOptions,
    version: &KubernetesVersion,
) -> (Ran, Arc<Overlay>, Arc<Sent>) {
    let cluster = DryCluster::MadeUp(cluster(node, version, options));
    let overlay = node.overlay();
    let (backends, sent) = node.backends.clone().into_dry_run(overlay.clone(), cluster).unwrap();
    let plan = workflow.plan(seeds(command, options.clone()), &Selection::default(), &Done::none()).unwrap();
    let ran = conduct(backends, &plan, Journal::discarding("dry-run"), &Ask::default(), true);
    (ran, overlay, sent)
}

/// Why a dry run stopped.
fn refused(
    node: &TestNode,
    workflow: Workflow<Node>,
    command: UpgradeCommand,
    options: &UpgradeOptions,
    version: &str,
) -> String {
    let (ran, ..) = tried(node, workflow, command, options, &version.parse().unwrap());
    let failed = ran.result.expect_err("it is refused");
    assert_eq!(failed.phase, Some("preflight"), "{:?}", failed.failure);
    failed.failure.chain().join(": ")
}

/// kubeadm has no check `CRI` in an upgrade, and says it under another name since 1.35.
#[test]
fn a_runtime_that_does_not_answer_is_told() {
    let node_only = options("upgrade node", None);
    let runtime_down = || {
        let directory = tempfile::tempdir().unwrap();
        let node = node(Utf8Path::from_path(directory.path()).unwrap());
        node.runtime.edit(|runtime| runtime.down = true);
        (node, directory)
    };
    let (node, _directory) = runtime_down();
    let told = refused(&node, graph::upgrade_node(), UpgradeCommand::Node, &node_only, "v1.36.2");
    let expected = "[ERROR ContainerRuntimeVersion]: could not connect to the container runtime: cannot reach";
    assert!(told.contains(expected), "{told}");

    let (node, _directory) = runtime_down();
    let apply = options("upgrade apply", Some("v1.37.0"));
    let told = refused(&node, graph::upgrade_apply(), UpgradeCommand::Apply, &apply, "v1.36.2");
    assert!(told.contains(expected), "{told}");

    // A worker of an older version never asked it.
    let (node, _directory) = runtime_down();
    let (ran, ..) = tried(&node, graph::upgrade_node(), UpgradeCommand::Node, &node_only, &"v1.34.1".parse().unwrap());
    ran.succeeded("a worker of 1.34");
}

#[test]
fn a_version_that_nobody_knows_is_refused_in_kubeadms_words() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(Utf8Path::from_path(directory.path()).unwrap());
    for (target, why) in [
        ("v1.99.0", "\"v1.99.0\" is at least one minor release higher than the kubeadm minor release (99 > 37)"),
        ("v1.19.16", "\"v1.19.16\" is equal to or lower than the minimum supported version \"v1.20.0\""),
    ] {
        let apply = options("upgrade apply", Some(target));
        let told = refused(&node, graph::upgrade_apply(), UpgradeCommand::Apply, &apply, "v1.36.2");
        let invalid = "the version argument is invalid due to these fatal errors";
        assert!(told.contains(invalid) && told.contains(why), "{told}");
    }
}

/// No kubeconfig is there: the run goes on with a made-up cluster to its end, and asks nobody.
#[test]
fn an_upgrade_needs_no_cluster_to_be_tried() {
    let apply = |target| (graph::upgrade_apply(), UpgradeCommand::Apply, options("upgrade apply", Some(target)));
    let node_only = (graph::upgrade_node(), UpgradeCommand::Node, options("upgrade node", None));
    let commands: Vec<(Workflow<Node>, _, _)> = vec![apply("v1.37.0"), apply("v1.36.2"), apply("v1.20.2"), node_only];
    for (workflow, command, options) in commands {
        let directory = tempfile::tempdir().unwrap();
        let node = node(Utf8Path::from_path(directory.path()).unwrap());
        for directory in ["/etc", "/var/lib"] {
            fs::create_dir_all(node.root.place(Utf8Path::new(directory))).unwrap();
        }
        let before = node.tree();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let version = runtime.block_on(stand_in::version(options.target.as_ref(), &*node.backends.probe));
        let (ran, overlay, sent) = tried(&node, workflow, command, &options, &version);
        ran.succeeded(&format!("the dry run of {options:?}"));
        let plane = options.control_plane;

        assert_eq!(node.tree(), before, "{options:?}: files changed");
        assert_eq!(node.kube.requests(), [""; 0], "{options:?}");
        assert_eq!(node.etcd.requests(), [""; 0], "{options:?}");
        let told: Vec<_> = overlay.changes().unwrap().iter().map(|change| change.path.to_string()).collect();
        for (path, there) in [
            ("/var/lib/kubelet/config.yaml", true),
            ("/etc/kubernetes/manifests/kube-apiserver.yaml", plane),
            ("/etc/kubernetes/manifests/kube-controller-manager.yaml", plane),
            ("/etc/kubernetes/manifests/kube-scheduler.yaml", plane),
            ("/etc/kubernetes/pki/apiserver.crt", plane),
            ("/etc/kubernetes/pki/ca.crt", false),
            (paths::KUBELET_CONF, false),
        ] {
            assert_eq!(told.contains(&path.to_owned()), there, "{options:?}: {path} in {told:?}");
        }
        let stored = sent.objects().iter().any(|object| object["metadata"]["name"] == "kubeadm-config");
        assert_eq!(stored, plane, "{options:?}: {:?}", sent.objects());
    }
}

/// What stands on the machine is taken as it is, and only what lacks is made up.
#[test]
fn what_is_there_is_not_made_up() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(Utf8Path::from_path(directory.path()).unwrap());
    let version = "v1.36.2".parse().unwrap();
    let options = options("upgrade apply", Some("v1.37.0"));
    let own = ["/etc/kubernetes/manifests/kube-scheduler.yaml", "/etc/kubernetes/pki/ca.crt"];
    for path in own {
        let path = node.root.place(Utf8Path::new(path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine\n").unwrap();
    }
    let made: Vec<_> =
        cluster(&node, &version, &options).files.into_iter().map(|(path, ..)| path.to_string()).collect();
    assert!(made.iter().all(|path| !own.contains(&path.as_str())), "{made:?}");
    // A key whose certificate is another's would only be in the way.
    assert!(!made.contains(&"/etc/kubernetes/pki/ca.key".to_owned()), "{made:?}");
    assert!(made.contains(&"/etc/kubernetes/pki/etcd/ca.key".to_owned()), "{made:?}");
}
