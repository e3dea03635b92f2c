//! The laws for `etcd restore`: killed at any checkpoint it is finished by the same command, a dry run changes nothing, and
//! data that was there before is never lost.

use std::fs;
use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Done, Faults, Inputs, Journal, Seeds, Selection, replay};
use kubewright_host::{HostFiles, HostSnapshots, NodeLock, Overlay};
use kubewright_node::Backends;
use kubewright_node::dry_run::DryCluster;
use kubewright_phases::restoring::RestoreOptions;
use sha2::{Digest, Sha256};

use super::case::Case;
use super::machine::{Ask, Machine, Ran, conduct};
use super::snapshot::{Snapshot, files, kubelet_runs};
use crate::graph;

const COPY: &str = "/srv/keep/one.db";
const DATA: &str = "/var/lib/etcd";
const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// Lets a machine have a runtime with the control plane's containers, and with an image whose tool makes new data.
fn equip(machine: &Machine) {
    let node = &machine.node;
    COMPONENTS.iter().for_each(|name| node.runtime.run(name));
    let root = node.root.clone();
    node.runtime.on_once(move |program| {
        let wanted = program.command.iter().find_map(|word| word.strip_prefix("--data-dir=/data/")).unwrap();
        let made = root.place(Utf8Path::new(DATA)).join(wanted).join("member/snap");
        assert!(!made.exists(), "etcd's tool wants none");
        fs::create_dir_all(&made).unwrap();
        fs::write(made.join("db"), "new").unwrap();
        Ok(0)
    });
}

/// A control plane that runs, with data and a copy of older data.
fn control_plane() -> Machine {
    let machine = Machine::finished(&Case::newest());
    put(&machine, &format!("{DATA}/member/snap/db"), b"old");
    let bytes = b"a copy";
    put(&machine, COPY, &[&bytes[..], Sha256::digest(bytes).as_slice()].concat());
    equip(&machine);
    machine
}

fn put(machine: &Machine, path: &str, bytes: &[u8]) {
    let place = machine.node.root.place(Utf8Path::new(path));
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, bytes).unwrap();
}

fn data(machine: &Machine, path: &str) -> Option<String> {
    fs::read_to_string(machine.node.root.place(&Utf8Path::new(DATA).join(path))).ok()
}

fn seeds() -> Seeds {
    let socket = "unix:///run/containerd/containerd.sock".into();
    Seeds::new().with(RestoreOptions { snapshot: Utf8PathBuf::from(COPY), socket })
}

/// The command, as the command line runs it.
fn restore(machine: &Machine, ask: Ask) -> Ran {
    let node = &machine.node;
    let _lock = NodeLock::acquire(&node.root, "a law").unwrap();
    let workflow = graph::etcd_restore();
    let plan = workflow.plan(seeds(), &ask.selection, &Done::none()).unwrap();
    if let Some(newest) = replay(&machine.state(), "etcd restore").unwrap().newest {
        HostFiles::new(node.root.clone()).recover(&newest).unwrap();
    }
    let journal = Journal::begin(&machine.state(), plan.head("law", Inputs::default(), None)).unwrap();
    let (files, snapshots) = (HostFiles::new(node.root.clone()), HostSnapshots::new(node.root.clone()));
    conduct(Backends { files, snapshots, ..node.backends.clone() }, &plan, journal, &ask, false)
}

fn must_be_restored(machine: &Machine, when: &str) {
    assert_eq!(data(machine, "member/snap/db").as_deref(), Some("new"), "{when}");
    let moved: Vec<_> = files(&machine.node).into_keys().filter(|path| path.ends_with("/before/snap/db")).collect();
    assert_eq!(moved.len(), 1, "{when}: {moved:?}");
    let kept = fs::read_to_string(machine.node.root.place(Utf8Path::new(&moved[0]))).unwrap();
    assert_eq!(kept, "old", "{when}");
    assert!(kubelet_runs(&machine.node), "{when}: the kubelet is stopped");
}

#[test]
fn a_restore_that_is_killed_anywhere_is_finished_by_the_same_command() {
    let machine = control_plane();
    let (taken, node) = (Arc::new(Mutex::new(Vec::new())), machine.node.clone());
    let sink = taken.clone();
    let look = move |at: &str| sink.lock().unwrap().push(Snapshot::take(at, &node));
    restore(&machine, Ask::with_faults(Faults::none().on_checkpoint(look))).succeeded("the restore that is filmed");
    must_be_restored(&machine, "the restore that is filmed");
    assert_eq!(machine.node.runtime.stops(), [&COMPONENTS[1..], &COMPONENTS[..1]].concat(), "etcd ends last");
    let snapshots = std::mem::take(&mut *taken.lock().unwrap());
    assert!(snapshots.len() > 30, "there are too few checkpoints: {}", snapshots.len());
    for snapshot in &snapshots {
        let when = format!("killed at {}", snapshot.at);
        let machine = snapshot.restore(&Case::newest());
        equip(&machine);
        restore(&machine, Ask::default()).succeeded(&when);
        must_be_restored(&machine, &when);
    }
    eprintln!("{} deaths", snapshots.len());
}

#[test]
fn what_fails_before_the_exchange_leaves_the_old_data_and_a_kubelet_that_runs() {
    let machine = control_plane();
    machine.node.runtime.on_once(|_| Ok(1));
    let failed = restore(&machine, Ask::default()).result.unwrap_err();
    let told = failed.failure.to_string();
    assert!(told.contains("etcd's data is as it was, and the kubelet starts everything again"), "{told}");
    assert_eq!(data(&machine, "member/snap/db").as_deref(), Some("old"));
    assert!(kubelet_runs(&machine.node));
}

#[test]
fn a_copy_that_is_not_whole_stops_nothing() {
    let machine = control_plane();
    put(&machine, COPY, &[7; 100]);
    let failed = restore(&machine, Ask::default()).result.unwrap_err();
    assert!(failed.failure.to_string().contains("SHA-256"), "{:?}", failed.failure);
    assert_eq!((machine.node.runtime.stops(), machine.node.runtime.run_once()), Default::default());
}

#[test]
fn a_dry_run_of_restoring_changes_nothing() {
    let machine = control_plane();
    let before = machine.node.tree();
    let overlay = Overlay::new(machine.node.root.clone());
    let cluster = DryCluster::Existing(Box::new(Vec::new));
    let (backends, _) = machine.node.backends.clone().into_dry_run(overlay, cluster).unwrap();
    let plan = graph::etcd_restore().plan(seeds(), &Selection::default(), &Done::none()).unwrap();
    conduct(backends, &plan, Journal::discarding("dry-run"), &Ask::default(), true).succeeded("the dry run");
    assert_eq!(machine.node.tree(), before);
    assert_eq!((machine.node.runtime.stops(), machine.node.runtime.run_once()), Default::default());
}
