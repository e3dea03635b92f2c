//! The laws for `reset`, which takes away instead of making: twice is once, fail and kill anywhere, a dry run is true, and
//! what is not Kubernetes's stays whatever happens. It never goes on with an earlier run: it looks at the node.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::Utf8Path;
use kubewright_config::{HostFacts, ResetFlags, load_reset};
use kubewright_engine::{Done, EventKind, Fault, Faults, Journal, Record, Seeds, Selection, forget, replay};
use kubewright_host::{HostFiles, HostTrees, NodeLock, Overlay};
use kubewright_node::dry_run::DryCluster;
use kubewright_node::etcd::{Member, MemberId};
use kubewright_node::{Backends, EtcdErrorKind, KubeErrorKind, Mount, NetworkTrace, Sandbox};
use kubewright_phases::options::ResetOptions;
use kubewright_testkit::TestNode;

use super::case::{Case, Shape, is_root};
use super::end_state::EndState;
use super::machine::{Ask, Machine, Ran, conduct, phase_of};
use super::snapshot::{Snapshot, files, kubelet_runs};
use crate::graph;

const UID: &str = "0f6b1d9c-58a2-4a8e-8d2a-6e0b4d1a7c55";
const VOLUME: &str = "/var/lib/kubelet/pods/0f6b1d9c-58a2-4a8e-8d2a-6e0b4d1a7c55/volumes/kubernetes.io~projected/token";
const FOREIGN: &str = "/var/lib/kubelet/backup";

/// A control plane that runs: what `init` left, with pods, mounts, data and two other members.
fn control_plane(case: &Case) -> Machine {
    let machine = Machine::finished(case);
    let node = &machine.node;
    let put = |path: &str, text: &str| {
        let place = node.root.place(Utf8Path::new(path));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    };
    put("/var/lib/etcd/member/snap/db", "data");
    put(&format!("/var/lib/kubelet/pods/{UID}/etc-hosts"), "hosts");
    put(&format!("{VOLUME}/below"), "what the mount hid");
    put("/etc/cni/net.d/10-bridge.conflist", r#"{"plugins": [{"type": "bridge", "bridge": "cni7"}]}"#);
    put("/var/lib/cni/networks/lab/10.244.0.2", "pod");
    put("/etc/kubernetes/kept.conf", "not ours");
    put("/var/lib/kubewright/upgrades/20260102T030405Z-v1.35.0-v1.36.0/upgrade.json", "{}");
    put("/var/lib/kubewright/renewed/etcd", "");
    let mount = |point: &str| Mount { point: point.into(), file_system: "tmpfs".into(), source: "tmpfs".into() };
    node.kernel.edit(|kernel| {
        kernel.mounts = [FOREIGN, VOLUME, "/proc", VOLUME].map(mount).into();
        kernel.cgroups = [&pod_cgroup(), "/sys/fs/cgroup/kubepods"].map(Into::into).into();
        let (tool, table) = ("iptables".to_owned(), "nat".to_owned());
        kernel.network.found = vec![NetworkTrace::Chains { tool, table }, NetworkTrace::Interface("cni7".into())];
    });
    node.runtime.edit(|runtime| runtime.sandboxes = ["etcd", "kube-apiserver"].map(sandbox).into());
    node.etcd.become_of((10..13).map(member).collect());
    machine
}

/// The control group of the pod that the kubelet knows.
fn pod_cgroup() -> String {
    format!("/sys/fs/cgroup/kubepods/pod{UID}")
}

fn sandbox(name: &str) -> Sandbox {
    Sandbox { id: format!("id-of-{name}"), name: format!("{name}-node1"), namespace: "kube-system".into() }
}

/// A member that is up, at 192.0.2.N; this machine has 10.
fn member(last: u8) -> Member {
    Member {
        id: MemberId(u64::from(last)),
        name: format!("node{last}"),
        peer_urls: vec![format!("https://192.0.2.{last}:2380")],
        client_urls: vec![format!("https://192.0.2.{last}:2379")],
        learner: false,
    }
}

fn seeds(options: ResetOptions) -> Seeds {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\nforce: true\ncleanupTmpDir: true\n\
                criSocket: unix:///var/run/containerd/containerd.sock\ntimeouts: {etcdAPICall: 1s}\n";
    let loaded = load_reset(Some(("law.yaml", text.as_bytes())), &ResetFlags::default(), &HostFacts::default());
    Seeds::new().with(loaded.unwrap().0).with(options)
}

/// The command, as the command line runs it.
fn reset(machine: &Machine, ask: Ask) -> Ran {
    reset_with(machine, ask, ResetOptions::default())
}

fn reset_with(machine: &Machine, ask: Ask, options: ResetOptions) -> Ran {
    let node = &machine.node;
    let _lock = NodeLock::acquire(&node.root, "a law").unwrap();
    let workflow = graph::reset();
    let plan = workflow.plan(seeds(options), &ask.selection, &Done::none()).unwrap();
    if let Some(newest) = replay(&machine.state(), "reset").unwrap().newest {
        HostFiles::new(node.root.clone()).recover(&newest).unwrap();
    }
    forget(&machine.state()).unwrap();
    let journal =
        Journal::begin(&machine.state(), plan.head("law", kubewright_engine::Inputs::default(), None)).unwrap();
    let (files, trees) = (HostFiles::new(node.root.clone()), HostTrees::new(node.root.clone()));
    conduct(Backends { files, trees, ..node.backends.clone() }, &plan, journal, &ask, false)
}

fn dry_run(node: &TestNode, options: ResetOptions) -> (Ran, Arc<Overlay>) {
    let overlay = Overlay::new(node.root.clone());
    let (backends, _) =
        node.backends.clone().into_dry_run(overlay.clone(), DryCluster::Existing(Box::new(Vec::new))).unwrap();
    let plan = graph::reset().plan(seeds(options), &Selection::default(), &Done::none()).unwrap();
    (conduct(backends, &plan, Journal::discarding("dry-run"), &Ask::default(), true), overlay)
}

fn warnings(ran: &Ran) -> Vec<String> {
    let warning = |event: &kubewright_engine::Event| match &event.kind {
        EventKind::Warning { text, .. } => Some(text.clone()),
        _ => None,
    };
    ran.events.iter().filter_map(warning).collect()
}

/// What is left of Kubernetes on a machine that was emptied: directories, as kubeadm leaves them, and nothing in them.
fn must_be_empty(machine: &Machine, when: &str) {
    let left: Vec<String> = files(&machine.node)
        .into_keys()
        .filter(|path| path.starts_with("/etc/kubernetes/") || path.starts_with("/var/lib/"))
        .filter(|path| !path.starts_with("/var/lib/cni") && path != "/etc/kubernetes/kept.conf")
        .collect();
    assert_eq!(
        left,
        ["/etc/kubernetes/manifests", "/etc/kubernetes/pki", "/var/lib/etcd", "/var/lib/kubelet"],
        "{when}"
    );
    let kernel = machine.node.kernel.now();
    let mounts: Vec<_> = kernel.mounts.iter().map(|mount| mount.point.as_str()).collect();
    assert_eq!(mounts, [FOREIGN, "/proc"], "{when}: foreign mounts stay, ours go");
    assert!(kernel.cgroups.is_empty() && machine.node.runtime.sandboxes().is_empty(), "{when}");
    assert!(!kubelet_runs(&machine.node), "{when}");
    let members: Vec<_> = machine.node.etcd.members().into_iter().map(|member| member.id.0).collect();
    assert_eq!(members, [11, 12], "{when}");
}

#[test]
fn nothing_is_left_and_a_second_run_finds_nothing_to_do() {
    for case in [Case::newest(), Case::oldest()] {
        let machine = control_plane(&case);
        reset(&machine, Ask::default()).succeeded("the reset");
        must_be_empty(&machine, "after the reset");
        assert_eq!(machine.node.kernel.now().network.found.len(), 2, "the network is left unless it is asked for");
        assert!(files(&machine.node).contains_key("/var/lib/cni/networks/lab/10.244.0.2"));
        // The next cluster on this machine must not go back to what this one was.
        for ours in ["/var/lib/kubewright/upgrades", "/var/lib/kubewright/renewed"] {
            assert!(!machine.node.root.place(ours.into()).exists(), "{ours}");
        }
        let end = EndState::of(&machine.node);
        let again = reset(&machine, Ask::default()).succeeded("the second reset");
        assert_eq!(again.effects, [], "{case:?}");
        EndState::of(&machine.node).must_equal(&end, "after the second reset");
        // And init finds a machine that is as good as new.
        let missing = machine.node.runtime.images().is_empty();
        assert!(!missing, "images stay");
    }
}

#[test]
fn each_phase_of_reset_leaves_its_own_work_alone() {
    let machine = control_plane(&Case::newest());
    let faults = ["preflight", "update-cluster-status", "remove-etcd-member", "cleanup-node"];
    let faults = faults.iter().fold(Faults::none(), |faults, path| faults.with(Fault::Repeat((*path).into())));
    reset(&machine, Ask::with_faults(faults)).succeeded("the reset with every phase twice");
    must_be_empty(&machine, "with every phase twice");
}

#[test]
fn a_dry_run_of_reset_tells_every_path_and_changes_nothing() {
    for network in [false, true] {
        let machine = control_plane(&Case::newest());
        let options = ResetOptions { network, ..ResetOptions::default() };
        let (before, end) = (machine.node.tree(), EndState::of(&machine.node));
        let (dry, overlay) = dry_run(&machine.node, options.clone());
        let dry = dry.succeeded("the dry run");
        assert_eq!(machine.node.tree(), before);
        assert!(overlay.changes().unwrap().is_empty() && machine.node.kernel.calls().is_empty());
        assert!(machine.node.etcd.changes().is_empty() && machine.node.runtime.removals().is_empty());
        EndState::of(&machine.node).must_equal(&end, "after a dry run");
        let real = reset_with(&machine, Ask::default(), options).succeeded("the reset");
        assert_eq!(sorted(&dry), sorted(&real), "network: {network}");
        let after = machine.node.tree();
        let told: BTreeSet<_> = dry.effects.iter().filter_map(|(_, effect)| effect.strip_prefix("remove ")).collect();
        let gone = before.keys().filter(|path| !after.contains_key(*path) && !path.starts_with("/var/lib/kubewright"));
        let untold: Vec<_> = gone.filter(|path| !told.contains(path.as_str())).collect();
        assert!(untold.is_empty(), "gone, and not told before: {untold:?}");
    }
}

fn sorted(ran: &Ran) -> Vec<(String, String)> {
    let mut effects = ran.effects.clone();
    effects.sort();
    effects
}

#[test]
fn the_network_goes_if_it_is_asked_for() {
    let machine = control_plane(&Case::newest());
    let options = ResetOptions { network: true, ..ResetOptions::default() };
    reset_with(&machine, Ask::default(), options).succeeded("the reset");
    assert_eq!(machine.node.kernel.now().network.found, []);
    let left = files(&machine.node);
    assert!(left.contains_key("/var/lib/cni") && !left.contains_key("/var/lib/cni/networks"));
    assert!(left.contains_key("/etc/cni/net.d/10-bridge.conflist"), "what the plugin is told is the administrator's");
}

#[test]
fn a_reset_that_is_killed_anywhere_is_finished_by_the_next() {
    let machine = control_plane(&Case::newest());
    let (taken, node) = (Arc::new(Mutex::new(Vec::new())), machine.node.clone());
    let sink = taken.clone();
    let look = move |at: &str| sink.lock().unwrap().push(Snapshot::take(at, &node));
    reset(&machine, Ask::with_faults(Faults::none().on_checkpoint(look))).succeeded("the reset that is filmed");
    let end = EndState::of(&machine.node);
    let snapshots = std::mem::take(&mut *taken.lock().unwrap());
    assert!(snapshots.len() > 40, "there are too few checkpoints: {}", snapshots.len());
    for snapshot in &snapshots {
        let when = format!("killed at {}", snapshot.at);
        let machine = snapshot.restore(&Case::newest());
        reset(&machine, Ask::default()).succeeded(&when);
        must_be_empty(&machine, &when);
        EndState::of(&machine.node).must_equal(&end, &when);
    }
}

#[test]
fn a_reset_that_fails_anywhere_is_finished_by_the_next() {
    let filmed = control_plane(&Case::newest());
    let running = Snapshot::take("before", &filmed.node);
    let ran = reset(&filmed, Ask::default()).succeeded("the reset");
    let (end, mut tried) = (EndState::of(&filmed.node), 0);
    for phase in ["preflight", "update-cluster-status", "remove-etcd-member", "cleanup-node"] {
        let mut faults = vec![Fault::FailBefore(phase.into()), Fault::FailAfter(phase.into())];
        let intents = ran.records.iter().filter(|record| matches!(record, Record::Intended { .. }));
        let records = 2 * intents.filter(|record| phase_of(record) == Some(phase)).count();
        faults.extend((1..=records).map(|nth| Fault::FailRecord { phase: phase.into(), nth }));
        for fault in faults {
            let (machine, when) = (running.restore(&Case::newest()), format!("{fault:?}"));
            // What cannot be written down is not done, and nothing after it.
            let failed = reset(&machine, Ask::with_faults(Faults::none().with(fault))).result.unwrap_err();
            assert_eq!(failed.phase, Some(phase), "{when}: {:?}", failed.failure);
            reset(&machine, Ask::default()).succeeded(&when);
            must_be_empty(&machine, &when);
            EndState::of(&machine.node).must_equal(&end, &when);
            tried += 1;
        }
    }
    assert!(tried > 30, "only {tried} failures were tried");
}

#[test]
fn links_and_what_they_lead_to_are_told_apart() {
    let machine = control_plane(&Case::newest());
    let place = |path: &str| machine.node.root.place(Utf8Path::new(path));
    fs::create_dir_all(place("/srv/precious")).unwrap();
    fs::write(place("/srv/precious/data"), "x").unwrap();
    symlink("/srv/precious", place("/var/lib/kubelet/hostile")).unwrap();
    symlink("../../../../../srv/precious", place("/etc/kubernetes/pki/hostile")).unwrap();
    fs::remove_file(place("/etc/kubernetes/admin.conf")).unwrap();
    symlink("/srv/precious/data", place("/etc/kubernetes/admin.conf")).unwrap();
    reset(&machine, Ask::default()).succeeded("the reset");
    must_be_empty(&machine, "with hostile links");
    assert_eq!(fs::read_to_string(place("/srv/precious/data")).unwrap(), "x");
}

#[test]
fn a_mount_that_stays_fails_the_phase_before_anything_is_deleted() {
    let machine = control_plane(&Case::newest());
    machine.node.kernel.fail("unmount", 1);
    let ran = reset(&machine, Ask::default());
    let failed = ran.result.unwrap_err();
    assert_eq!(failed.phase, Some("cleanup-node"));
    assert!(failed.failure.to_string().contains(VOLUME), "{}", failed.failure);
    assert!(files(&machine.node).contains_key("/etc/kubernetes/pki/ca.key"));
    reset(&machine, Ask::default()).succeeded("the run after it");
    must_be_empty(&machine, "the run after it");
}

#[test]
fn a_member_whose_loss_costs_the_quorum_stays_until_others_are_up() {
    let machine = control_plane(&Case::newest());
    machine.node.etcd.stop(MemberId(12));
    let before = files(&machine.node);
    let failed = reset(&machine, Ask::default()).result.unwrap_err();
    assert_eq!(failed.phase, Some("remove-etcd-member"));
    assert!(failed.failure.to_string().contains("lose its quorum"), "{}", failed.failure);
    assert!(failed.failure.hints().iter().any(|hint| hint.contains("--skip-phases=remove-etcd-member")));
    assert!(files(&machine.node) == before && kubelet_runs(&machine.node), "something is gone");
    let selection = Selection { skip: vec!["remove-etcd-member".into()], ..Selection::default() };
    reset(&machine, Ask { selection, ..Ask::default() }).succeeded("the reset without it");
    assert!(files(&machine.node).contains_key("/var/lib/etcd/member/snap/db"), "who leaves it out keeps the data");
    assert_eq!(machine.node.etcd.members().len(), 3);
}

#[test]
fn an_old_cluster_forgets_where_the_api_server_was_and_a_silent_one_stops_nothing() {
    let listed = |machine: &Machine| {
        let config = machine.node.kube.object(&kubewright_phases::cluster_status::kubeadm_config()).unwrap();
        kubewright_phases::cluster_status::known_endpoints(&config).len()
    };
    let machine = control_plane(&Case::oldest());
    assert_eq!(listed(&machine), 1);
    machine.node.kube.slow_down(Duration::from_millis(50));
    let ran = reset(&machine, Ask { jobs: 4, ..Ask::default() }).succeeded("the reset");
    assert_eq!(listed(&machine), 0);
    let changes = ran.effects.iter().filter(|(_, effect)| effect.contains("kubeadm-config")).count();
    assert_eq!(changes, 1, "{:?}", ran.effects);
    // First this, then the member: API servers can change nothing while etcd elects a leader anew.
    let of = |phase: &str| ran.records.iter().position(|record| phase_of(record) == Some(phase)).unwrap();
    let finished =
        |record: &Record| matches!(record, Record::Finished { phase, .. } if phase == "update-cluster-status");
    assert!(ran.records.iter().position(finished).unwrap() < of("remove-etcd-member"), "{:?}", ran.records);

    let answers = [("get", KubeErrorKind::Busy), ("get", KubeErrorKind::Unreachable), ("update", KubeErrorKind::Busy)];
    for (request, kind) in answers {
        let (machine, bad) = (control_plane(&Case::oldest()), format!("{request}: {kind:?}"));
        machine.node.kube.fail(request, 1, kind);
        let ran = reset(&machine, Ask::default()).succeeded(&bad);
        assert_eq!((listed(&machine), warnings(&ran).len()), (0, 0), "{bad}: {:?}", warnings(&ran));
    }

    let machine = control_plane(&Case::oldest());
    machine.node.kube.stop();
    let ran = reset(&machine, Ask::default()).succeeded("the reset without an API server");
    must_be_empty(&machine, "without an API server");
    assert!(warnings(&ran).iter().any(|warning| warning.contains("ClusterStatus")), "{:?}", warnings(&ran));
}

#[test]
fn the_last_member_is_not_removed_and_its_data_goes() {
    let machine = control_plane(&Case::newest());
    machine.node.etcd.become_of(vec![member(10)]);
    reset(&machine, Ask::default()).succeeded("the reset");
    assert_eq!(machine.node.etcd.changes(), [""; 0]);
    assert!(!files(&machine.node).contains_key("/var/lib/etcd/member"));
}

#[test]
fn etcd_that_does_not_answer_stops_nothing_and_what_stays_there_is_told() {
    let machine = control_plane(&Case::newest());
    [11, 12].into_iter().for_each(|id| machine.node.etcd.stop(MemberId(id)));
    let ran = reset(&machine, Ask::default()).succeeded("the reset");
    let told = warnings(&ran).join("\n");
    assert!(told.contains("Failed to remove etcd member: "), "{told}");
    assert!(!files(&machine.node).contains_key("/etc/kubernetes/pki/ca.key"));
    assert!(machine.node.runtime.sandboxes().is_empty());
}

#[test]
fn a_removal_whose_reply_is_lost_is_confirmed_by_the_list() {
    let machine = control_plane(&Case::newest());
    machine.node.etcd.lose_reply("remove", 1);
    reset(&machine, Ask::default()).succeeded("the reset");
    must_be_empty(&machine, "with a lost reply");
    assert_eq!(machine.node.etcd.changes(), ["remove a"]);
    let machine = control_plane(&Case::newest());
    machine.node.etcd.fail("remove", 1, EtcdErrorKind::Unavailable);
    reset(&machine, Ask::default()).succeeded("the reset");
    must_be_empty(&machine, "with a leader that changed");
}

#[test]
fn a_runtime_that_does_not_answer_stops_nothing_else() {
    let machine = control_plane(&Case::newest());
    machine.node.runtime.edit(|runtime| runtime.down = true);
    let ran = reset(&machine, Ask::default()).succeeded("the reset");
    assert!(warnings(&ran).iter().any(|warning| warning.contains("Failed to remove containers")));
    assert!(!files(&machine.node).contains_key("/etc/kubernetes/pki/ca.key"));
}

#[test]
fn a_pod_that_comes_while_others_are_removed_goes_with_them() {
    let machine = control_plane(&Case::newest());
    machine.node.runtime.edit(|runtime| runtime.coming = Some(sandbox("kube-scheduler")));
    reset(&machine, Ask::default()).succeeded("the reset");
    must_be_empty(&machine, "with a pod that came late");
    assert_eq!(machine.node.runtime.removals().len(), 3);
}

#[test]
fn processes_that_the_runtime_has_lost_are_ended_and_never_those_of_a_runtime_that_does_not_answer() {
    let lost = |machine: &Machine| {
        let lost = [4711, 4712].map(|process| (pod_cgroup().into(), process)).into();
        machine.node.kernel.edit(|kernel| kernel.lost = lost);
    };
    let machine = control_plane(&Case::newest());
    lost(&machine);
    reset(&machine, Ask::default()).succeeded("the reset");
    must_be_empty(&machine, "with lost processes");
    let machine = control_plane(&Case::newest());
    lost(&machine);
    machine.node.kernel.fail("kill 4711", 1);
    let told = warnings(&reset(&machine, Ask::default()).succeeded("the reset")).join("\n");
    assert!(told.contains("cannot end process 4711"), "{told}");
    let machine = control_plane(&Case::newest());
    lost(&machine);
    machine.node.runtime.edit(|runtime| runtime.down = true);
    reset(&machine, Ask::default()).succeeded("the reset");
    assert_eq!(machine.node.kernel.now().lost.len(), 2, "pods may run there");
}

#[test]
fn processes_in_a_pod_of_which_the_kubelet_does_not_know_are_somebody_elses() {
    let machine = control_plane(&Case::newest());
    let other = Utf8Path::new("/sys/fs/cgroup/kubepods/pod99999999-0000-0000-0000-000000000000");
    machine.node.kernel.edit(|kernel| {
        kernel.cgroups.insert(0, other.to_owned());
        kernel.lost = vec![(other.to_owned(), 4711), (pod_cgroup().into(), 4712)];
    });
    let told = warnings(&reset(&machine, Ask::default()).succeeded("the reset")).join("\n");
    assert_eq!(machine.node.kernel.now().lost, [(other.to_owned(), 4711)]);
    assert!(told.contains(other.as_str()), "{told}");
    // A broken disk that does not say whose pods there were keeps nobody from the rest.
    let machine = control_plane(&Case::newest());
    let pods = machine.node.root.place(Utf8Path::new("/var/lib/kubelet/pods"));
    fs::remove_dir_all(&pods).unwrap();
    fs::write(&pods, "not a directory").unwrap();
    let told = warnings(&reset(&machine, Ask::default()).succeeded("the reset")).join("\n");
    assert!(told.contains("/var/lib/kubelet/pods"), "{told}");
    assert!(!files(&machine.node).contains_key("/etc/kubernetes/pki/ca.key"));
}

#[test]
fn etcd_of_others_is_not_touched() {
    let machine = control_plane(&Case::shaped(Shape::ExternalEtcd));
    reset(&machine, Ask::default()).succeeded("the reset");
    assert!(files(&machine.node).contains_key("/var/lib/etcd/member/snap/db"), "nobody said whose that is");
    assert_eq!(machine.node.etcd.requests(), [""; 0]);
}

#[test]
fn users_of_a_control_plane_without_root_go_with_it() {
    if !is_root() {
        return;
    }
    let machine = control_plane(&Case::shaped(Shape::Rootless));
    let passwd = machine.node.root.place(Utf8Path::new("/etc/passwd"));
    assert!(fs::read_to_string(&passwd).unwrap().contains("kubeadm-etcd"));
    reset(&machine, Ask::default()).succeeded("the reset");
    assert_eq!(fs::read_to_string(&passwd).unwrap(), "root:x:0:0:root:/root:/bin/bash\n");
    assert_eq!(fs::read_to_string(passwd.with_file_name("group")).unwrap(), "root:x:0:\n");
}
