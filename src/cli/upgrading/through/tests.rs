//! The way over several versions, on a machine that is made up.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, on real files in a temporary directory")]

use std::ffi::OsString;
use std::fs;

use clap::FromArgMatches;
use kubewright_config::{UpgradeCommand, UpgradeFlags, load_upgrade};
use kubewright_host::DryKind;
use kubewright_node::dry_run::DryCluster;
use kubewright_node::etcd::{Member, MemberId};
use kubewright_phases::paths;
use kubewright_phases::upgrading::before::find;
use kubewright_testkit::{TestNode, node};
use serde_json::json;
use tempfile::TempDir;

use super::*;

fn version(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

/// A control plane of a version, whose API server answers.
struct Machine {
    node: TestNode,
    options: UpgradeOptions,
    settings: UpgradeConfiguration,
    _directory: TempDir,
}

impl Machine {
    fn of(standing: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let node = node(Utf8Path::from_path(directory.path()).unwrap());
        let options = UpgradeOptions {
            command: UPGRADE_APPLY,
            target: None,
            kubeconfig: paths::ADMIN_CONF.into(),
            control_plane: true,
            restore_etcd: false,
            resolved_active: false,
            proxy_environment: Vec::new(),
        };
        let read = |path: &Utf8Path| Ok(node.backends.files.read(path)?);
        let probe = &*node.backends.probe;
        let now = node.backends.clock.now();
        let made = stand_in::make(&version(standing), &read, &options, (probe, &[]), now).unwrap();
        for (path, contents, _) in made.files {
            let path = node.root.place(&path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents.as_bytes()).unwrap();
        }
        made.objects.into_iter().for_each(|object| node.kube.put(object));
        node.kube.answer("/version", &json!({"gitVersion": made.version}).to_string());
        node.kube.start();
        node.etcd.become_of(vec![Member {
            id: MemberId(1),
            name: "node1".into(),
            peer_urls: vec!["https://192.168.0.101:2380".into()],
            client_urls: vec!["https://192.168.0.101:2379".into()],
            learner: false,
        }]);
        let flags = UpgradeFlags { command: UpgradeCommand::Apply, ..UpgradeFlags::default() };
        let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\n\
                    timeouts: {kubernetesAPICall: 1s, upgradeManifests: 2s, etcdAPICall: 1s}\n";
        let (settings, _) = load_upgrade(Some(("test.yaml", text.as_bytes())), &flags).unwrap();
        Self { node, options, settings, _directory: directory }
    }

    /// An upgrade of it that is under way.
    fn begin(&self, to: &str) {
        let read = |path: &Utf8Path| Ok(self.node.backends.files.read(path)?);
        let access = access(&read, &self.options, &self.settings).unwrap();
        let before = wait(find(Asking::Silent(&*self.node.kube), &access, &read, &self.options)).unwrap();
        let kept = Kept {
            name: "20260102T030405Z".into(),
            command: UPGRADE_APPLY.into(),
            stage: Stage::Upgrading,
            to: to.into(),
            before,
            pods: Vec::new(),
            files: Vec::new(),
            served: Vec::new(),
            snapshot: None,
            members: None,
            may_restore: false,
            restore: None,
        };
        let path = self.node.root.place(&kept.directory().join("upgrade.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, serde_json::to_vec(&kept).unwrap()).unwrap();
    }

    fn way(&self, steps: &[&str], open: Option<&str>) -> Result<Way, Failure> {
        let (steps, open) = (steps.iter().map(|text| version(text)).collect(), open.map(version));
        wait(Way::find(&self.node.backends, &self.settings, &self.options, steps, open.as_ref()))
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work)
}

fn names(way: &Way) -> Vec<String> {
    way.numbered().map(|(name, _)| name).collect()
}

#[test]
fn what_is_done_is_not_done_again() {
    let machine = Machine::of("v1.35.0");
    let steps = ["v1.35.4", "v1.36.2", "v1.37.0"];
    let all = ["step 1 of 3, to v1.35.4", "step 2 of 3, to v1.36.2", "step 3 of 3, to v1.37.0"];
    assert_eq!(names(&machine.way(&steps, None).unwrap()), all);
    let machine = Machine::of("v1.36.2");
    assert_eq!(names(&machine.way(&steps, None).unwrap()), all[2..]);
    // Its control plane is there, and what comes after that was not done to its end.
    assert_eq!(names(&machine.way(&steps, Some("v1.36.2")).unwrap()), all[1..]);
    // The last one that was tried was refused.
    assert_eq!(names(&machine.way(&steps, Some("v1.37.0")).unwrap()), all[2..]);
    assert_eq!(names(&Machine::of("v1.37.0").way(&steps, None).unwrap()), all[2..], "as a single upgrade");
}

#[test]
fn every_step_is_judged_before_the_first_begins() {
    let machine = Machine::of("v1.34.0");
    let way = machine.way(&["v1.35.4", "v1.37.0"], None).unwrap();
    let failure = way.must_be_allowed(true).unwrap_err();
    let said = failure.chain().join(": ");
    assert!(said.starts_with("step 2 of 2, to v1.37.0, is refused, and nothing was begun: "), "{said}");
    assert!(said.contains("\"v1.37.0\" is too high"), "{said}");
    assert!(failure.hints().iter().any(|hint| hint.starts_with("go up to v1.35.4 first")), "{:?}", failure.hints());
    assert_eq!(machine.node.kube.changes(), [""; 0]);
    // A kubelet may be three minors behind, and is five.
    let way = Machine::of("v1.32.0").way(&["v1.33.0", "v1.34.0", "v1.35.0", "v1.36.0"], None).unwrap();
    let said = way.must_be_allowed(false).unwrap_err().chain().join(": ");
    assert!(said.starts_with("step 4 of 4, to v1.36.0") && said.contains("too old"), "{said}");
    assert!(way.must_be_allowed(true).is_ok(), "--force gets over it");
}

#[test]
fn an_upgrade_that_is_under_way_is_gone_on_with_first() {
    let machine = Machine::of("v1.35.0");
    machine.begin("v1.36.2");
    let way = machine.way(&["v1.35.4", "v1.36.2", "v1.37.0"], None).unwrap();
    assert_eq!(names(&way), ["step 2 of 3, to v1.36.2", "step 3 of 3, to v1.37.0"]);
    // In the middle of it the API server may not answer.
    machine.node.kube.stop();
    let way = machine.way(&["v1.35.4", "v1.36.2", "v1.37.0"], None).unwrap();
    assert_eq!((names(&way).len(), way.stands_at), (2, None));
    let failure = machine.way(&["v1.35.4", "v1.37.0"], None).map(drop).unwrap_err();
    assert!(failure.chain().join(": ").contains("to v1.36.2 is under way, and --through does not name it"));
}

#[test]
fn a_cluster_that_does_not_answer_ends_it() {
    let machine = Machine::of("v1.35.0");
    machine.node.kube.stop();
    let failure = machine.way(&["v1.36.2"], None).map(drop).unwrap_err();
    assert!(failure.chain().join(": ").starts_with("cannot see how far this node is on the way"));
}

#[test]
fn one_dry_run_tells_of_all_steps() {
    let machine = Machine::of("v1.35.0");
    let before = machine.node.tree();
    let cluster = DryCluster::Existing(Box::new(Vec::new));
    let (root, backends) = (machine.node.root.clone(), machine.node.backends.clone());
    let world = DryWorld::new(root, backends, cluster).map_err(|_| "it cannot be made").unwrap();
    let words = "kubewright upgrade apply v1.37.0 --through v1.36.2 --dry-run --progress plain".split(' ');
    let matches = crate::command_line::parse(words.map(OsString::from)).ok().flatten().unwrap();
    let (global, matches) = (Global::from_arg_matches(&matches).unwrap(), matches.subcommand().unwrap().1);
    let args = ApplyArgs::from_arg_matches(matches.subcommand().unwrap().1).unwrap();
    let steps = chain::parse(&args.through, args.target.as_deref()).unwrap();
    let outcome = wait(async {
        let way = Way::find(&world.backends, &machine.settings, &machine.options, steps, None).await.unwrap();
        way.must_be_allowed(false).unwrap();
        way.try_out(&world, &machine.settings, &machine.options, (&global, &args)).await
    });
    assert!(outcome.is_ok(), "it fails");
    assert_eq!(machine.node.tree(), before);
    assert_eq!(machine.node.kube.changes(), [""; 0]);
    let changes = world.changes().unwrap();
    let manifest = changes.iter().find(|change| change.path == paths::static_pod("kube-apiserver")).unwrap();
    assert_eq!(manifest.kind, DryKind::Replaced);
    let text = String::from_utf8(manifest.contents.as_ref().unwrap().as_bytes().to_vec()).unwrap();
    assert!(text.contains("kube-apiserver:v1.37.0"), "{text}");
    let kept = changes.iter().filter(|change| change.path.as_str().ends_with("/upgrade.json")).count();
    assert_eq!(kept, 2, "each step keeps what it could go back to");
    let stored = world.sent.objects();
    let stored = stored.iter().find(|object| object["metadata"]["name"] == "kubeadm-config").unwrap();
    assert!(stored["data"]["ClusterConfiguration"].as_str().unwrap().contains("kubernetesVersion: v1.37.0"));
}
