//! The laws for `upgrade apply`, the way back and `upgrade rollback`: killed at any checkpoint, the same command finishes, and
//! what stands then is the new state or the old one, never a part of both.

use std::fs;
use std::sync::{Arc, Mutex};

use camino::Utf8Path;
use kubewright_config::{UpgradeCommand, UpgradeFlags, load_upgrade};
use kubewright_engine::{Done, FailureKind, Faults, Inputs, Journal, Seeds, Workflow};
use kubewright_host::{HostFiles, HostSnapshots, NodeLock};
use kubewright_node::{Backends, ClockBackend, Node, ObjectRef};
use kubewright_phases::paths;
use kubewright_phases::upgrading::{Kept, Stage, UpgradeOptions, stand_in};
use serde_json::json;

use super::case::Case;
use super::end_state::{EndState, differences};
use super::machine::{Ask, KUBELET_PEM, Machine, Ran, conduct};
use super::renewing::kubelets;
use super::snapshot::{Snapshot, files};
use super::upgrading::options;
use crate::graph;

const NEXT: &str = "v1.36.3";

/// A command under the laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    /// With the timeouts that are the default, so that every manifest becomes another one.
    Apply,
    /// With those of `init`, so that etcd's stays as it is, and only its certificates are renewed.
    ApplyAroundEtcd,
    Rollback,
}

impl Command {
    fn workflow(self) -> Workflow<Node> {
        match self {
            Self::Apply | Self::ApplyAroundEtcd => graph::upgrade_apply(),
            Self::Rollback => graph::upgrade_rollback(),
        }
    }

    fn seeds(self) -> Seeds {
        let mut text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\n\
                        timeouts:\n  upgradeManifests: 200ms\n  kubernetesAPICall: 1s\n  etcdAPICall: 1s\n"
            .to_owned();
        if self == Self::ApplyAroundEtcd {
            text += "  controlPlaneComponentHealthCheck: 2s\n";
        }
        let (command, target) = match self {
            Self::Apply | Self::ApplyAroundEtcd => (UpgradeCommand::Apply, Some(NEXT.to_owned())),
            Self::Rollback => (UpgradeCommand::default(), None),
        };
        let flags = UpgradeFlags { command, kubernetes_version: target.clone(), ..UpgradeFlags::default() };
        let (settings, _) = load_upgrade(Some(("law.yaml", text.as_bytes())), &flags).unwrap();
        let name = match self {
            Self::Apply | Self::ApplyAroundEtcd => "upgrade apply",
            Self::Rollback => "upgrade rollback",
        };
        let options =
            UpgradeOptions { kubeconfig: paths::ADMIN_CONF.into(), control_plane: true, ..options(name, None) };
        let target = target.map(|target| target.parse().unwrap());
        Seeds::new().with(settings).with(UpgradeOptions { target, ..options })
    }

    /// The command, as the command line runs it.
    fn run(self, machine: &Machine, ask: Ask) -> Ran {
        let node = &machine.node;
        let _lock = NodeLock::acquire(&node.root, "a law").unwrap();
        let workflow = self.workflow();
        let plan = workflow.plan(self.seeds(), &ask.selection, &Done::none()).unwrap();
        machine.recover_of(workflow.name());
        let journal = Journal::begin(&machine.state(), plan.head("law", Inputs::default(), None)).unwrap();
        let (files, snapshots) = (HostFiles::new(node.root.clone()), HostSnapshots::new(node.root.clone()));
        conduct(Backends { files, snapshots, ..node.backends.clone() }, &plan, journal, &ask, false)
    }

    /// Runs it, and looks at every checkpoint.
    fn film(self, machine: &Machine) -> (Ran, Vec<Snapshot>) {
        let (taken, node) = (Arc::new(Mutex::new(Vec::new())), machine.node.clone());
        let sink = taken.clone();
        let look = move |at: &str| sink.lock().unwrap().push(Snapshot::take(at, &node));
        let ran = self.run(machine, Ask::with_faults(Faults::none().on_checkpoint(look)));
        let snapshots = std::mem::take(&mut *taken.lock().unwrap());
        (ran, snapshots)
    }
}

/// Lets a machine have what its files and objects do not tell: an API server that says its version, and who does not come
/// up if that is wanted.
fn equip(machine: &Machine, failing: Option<&str>) {
    machine.node.kube.answer("/version", r#"{"gitVersion": "v1.36.2"}"#);
    if let Some(text) = failing {
        machine.node.static_pods.fail_with(text);
    }
}

/// A control plane that runs, with a kubelet that has registered the node.
fn control_plane() -> Machine {
    let machine = Machine::finished(&Case::newest());
    let node = &machine.node;
    let pem = kubelets(&files(node), node.clock.now()).unwrap();
    fs::write(node.root.place(Utf8Path::new(KUBELET_PEM)), pem).unwrap();
    let mut object = node.kube.object(&ObjectRef::cluster("v1", "Node", "node1")).unwrap();
    object["spec"]["unschedulable"] = json!(true);
    object["status"]["nodeInfo"] = json!({"kubeletVersion": "v1.36.2"});
    node.kube.put(object);
    for pod in stand_in::shown(&*node.backends.files, "node1").unwrap() {
        node.kube.put(pod);
    }
    let id = node.etcd.put("https://192.0.2.10:2380", false);
    node.etcd.start(id, "node1");
    machine
}

/// The command as people give it, which finishes a way back that was stopped before anything else; whether it did.
fn run(command: Command, machine: &Machine) -> (Ran, bool) {
    machine.recover_of(command.workflow().name());
    let kept = Kept::on_disk(&*HostFiles::new(machine.node.root.clone())).unwrap();
    let stopped = command == Command::Apply && kept.is_some_and(|kept| kept.stage == Stage::GoingBack);
    let command = if stopped { Command::Rollback } else { command };
    (command.run(machine, Ask::default()), stopped)
}

/// Which deaths are tried: all that come between a promise and what was promised, and every so many of the others.
/// `KUBEWRIGHT_SWEEP=all cargo test --test all laws::upgrades` takes every one.
const SAMPLE: usize = 10;

fn is_tried(number: usize, at: &str) -> bool {
    std::env::var_os("KUBEWRIGHT_SWEEP").is_some() || number.is_multiple_of(SAMPLE) || at.ends_with(":sealed")
}

/// Runs the command to its end on a machine that is like each snapshot, and holds it against how it should end.
fn each_death_leads_to(command: Command, snapshots: &[Snapshot], failing: Option<&str>, end: &EndState) {
    let tried = || snapshots.iter().enumerate().filter(|(number, snapshot)| is_tried(*number, &snapshot.at));
    for (_, snapshot) in tried() {
        let when = format!("{command:?} killed at {}", snapshot.at);
        let machine = snapshot.restore(&Case::newest());
        equip(&machine, failing);
        let (ran, finished) = run(command, &machine);
        match &ran.result {
            Err(failed) if failing.is_some() && !finished => {
                assert_eq!(failed.failure.get_kind(), FailureKind::WentBack, "{when}: {:?}", failed.failure);
            }
            _ => drop(ran.succeeded(&when)),
        }
        EndState::of(&machine.node).must_equal(end, &when);
    }
    eprintln!("{command:?}: {} deaths at {} checkpoints", tried().count(), snapshots.len());
}

#[test]
fn an_upgrade_and_its_rollback_that_are_killed_anywhere_are_finished_by_the_same_command() {
    let machine = control_plane();
    equip(&machine, None);
    let before = EndState::of(&machine.node);
    let (ran, snapshots) = Command::Apply.film(&machine);
    ran.succeeded("the upgrade");
    let after = EndState::of(&machine.node);
    let manifest = fs::read_to_string(machine.node.root.place(&paths::static_pod("kube-scheduler"))).unwrap();
    assert!(manifest.contains(NEXT), "{manifest}");
    assert!(snapshots.len() > 100, "there are too few checkpoints: {}", snapshots.len());
    each_death_leads_to(Command::Apply, &snapshots, None, &after);

    let (ran, snapshots) = Command::Rollback.film(&machine);
    ran.succeeded("the rollback");
    let back = EndState::of(&machine.node);
    assert_eq!(differences(&back.files, &before.files), [""; 0]);
    assert!(snapshots.len() > 30, "there are too few checkpoints: {}", snapshots.len());
    each_death_leads_to(Command::Rollback, &snapshots, None, &back);
}

#[test]
fn a_way_back_that_is_killed_anywhere_is_finished_by_the_same_command() {
    let failing = format!("kube-scheduler:{NEXT}");
    let machine = control_plane();
    equip(&machine, Some(&failing));
    let before = EndState::of(&machine.node);
    let (ran, snapshots) = Command::Apply.film(&machine);
    let failed = ran.result.unwrap_err();
    assert_eq!(failed.failure.get_kind(), FailureKind::WentBack, "{:?}", failed.failure);
    let back = EndState::of(&machine.node);
    assert_eq!(differences(&back.files, &before.files), [""; 0]);
    assert_eq!(differences(&back.objects, &before.objects), [""; 0]);
    assert!(snapshots.len() > 100, "there are too few checkpoints: {}", snapshots.len());
    each_death_leads_to(Command::Apply, &snapshots, Some(&failing), &back);
}

/// What was written is not written again, or somebody who always dies at the same moment would never get there.
#[test]
fn an_upgrade_that_dies_at_the_next_thing_that_it_writes_again_and_again_comes_to_its_end() {
    [Command::Apply, Command::ApplyAroundEtcd].into_iter().for_each(dies_again_and_again);
}

fn dies_again_and_again(command: Command) {
    let mut machine = control_plane();
    for deaths in 0.. {
        equip(&machine, None);
        let (first, node) = (Arc::new(Mutex::new(None)), machine.node.clone());
        let sink = first.clone();
        let look = move |at: &str| {
            let mut first = sink.lock().unwrap();
            if at == "control-plane:sealed" && first.is_none() {
                *first = Some(Snapshot::take(at, &node));
            }
        };
        let ran = command.run(&machine, Ask::with_faults(Faults::none().on_checkpoint(look)));
        ran.succeeded("the run that dies");
        let Some(snapshot) = first.lock().unwrap().take() else {
            assert!(deaths >= 8, "{command:?}: it writes more than {deaths} times");
            return;
        };
        assert!(deaths < 30, "{command:?}: it does the same again and again");
        machine = snapshot.restore(&Case::newest());
        // Nobody has restarted the kubelet since the last death; it runs all the same.
        machine.node.start_cluster();
    }
}
