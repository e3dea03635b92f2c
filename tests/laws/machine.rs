//! One made-up machine, and `init` on it as the command line runs it: lock, recover, resume, plan, journal, run.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, LazyLock};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::{HostFacts, JoinConfiguration, JoinFlags, default_version, facts_for, load_join};
use kubewright_engine::{
    Done, Effect, Event, EventKind, Events, Faults, Inputs, Journal, Record, Replay, Resume, RunFailed, RunOptions,
    Runner, Seeds, Selection, Summary, replay, resumable,
};
use kubewright_host::{HostFiles, NodeLock, Overlay, Recovered, STATE_DIR};
use kubewright_node::dry_run::{DryCluster, Sent};
use kubewright_node::{Backends, Node};
use kubewright_phases::joining::stand_in;
use kubewright_phases::options::JoinOptions;
use kubewright_testkit::{TestNode, node};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::case::{Case, Command, Shape, seeds};
use super::{joining, renewing};

/// The certificate that a kubelet writes when it has registered the node.
pub const KUBELET_PEM: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

/// All machines run on the same threads: enough of them that every phase of a graph can be under way.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap());

/// A machine, a configuration, and whatever was done to it so far.
pub struct Machine {
    pub node: TestNode,
    case: Case,
    pub seeds: Seeds,
    _directory: TempDir,
}

/// What is asked of one run.
#[derive(Clone)]
pub struct Ask {
    pub selection: Selection,
    pub faults: Faults,
    pub jobs: usize,
    /// Turns true when its user stops it.
    pub cancel: Option<watch::Receiver<bool>>,
}

impl Default for Ask {
    /// The whole workflow, one phase at a time.
    fn default() -> Self {
        Self { selection: Selection::default(), faults: Faults::none(), jobs: 1, cancel: None }
    }
}

impl Ask {
    pub fn only(phase: &str) -> Self {
        Self { selection: Selection { only: vec![phase.into()], skip: Vec::new() }, ..Self::default() }
    }

    pub fn with_faults(faults: Faults) -> Self {
        Self { faults, ..Self::default() }
    }
}

/// What came of one run.
pub struct Ran {
    pub result: Result<Summary, RunFailed>,
    /// Every change, in the order in which it was told: phase, then `action object`.
    pub effects: Vec<(String, String)>,
    pub records: Vec<Record>,
    /// All that was told.
    pub events: Vec<Event>,
    /// Phases that an earlier run had finished.
    pub done: Vec<String>,
}

impl Ran {
    /// Stops the test with the failure's whole chain unless the run succeeded.
    #[track_caller]
    pub fn succeeded(self, when: &str) -> Self {
        if let Err(failed) = &self.result {
            panic!("{when}: {:?} failed: {:?}\nhints: {:?}", failed.phase, failed.failure, failed.failure.hints());
        }
        self
    }

    /// The phases that were begun.
    pub fn started(&self) -> Vec<&str> {
        let started = |record: &'_ Record| matches!(record, Record::Started { .. });
        self.records.iter().filter(|record| started(record)).filter_map(phase_of).collect()
    }
}

/// The phase that a record is about, except settlements, which name only their intent.
pub fn phase_of(record: &Record) -> Option<&str> {
    match record {
        Record::Started { phase }
        | Record::Scratch { phase, .. }
        | Record::Sealed { phase, .. }
        | Record::Intended { phase, .. }
        | Record::Finished { phase, .. }
        | Record::Failed { phase, .. }
        | Record::RolledBack { phase } => Some(phase),
        Record::Head(_) | Record::Settled { .. } | Record::Closed { .. } => None,
    }
}

impl Machine {
    /// A machine on which nothing was done yet.
    pub fn new(case: &Case) -> Self {
        let directory = directory();
        let node = node(Utf8Path::from_path(directory.path()).unwrap());
        let version = format!("Kubernetes {}", case.version);
        node.probe.edit(|machine| drop(machine.binaries.insert("kubelet".into(), version)));
        let root = node.root.clone();
        for directory in ["/etc", "/var/lib"] {
            fs::create_dir_all(root.place(Utf8Path::new(directory))).unwrap();
        }
        for (path, text) in [("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"), ("/etc/group", "root:x:0:\n")] {
            let path = root.place(Utf8Path::new(path));
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        for (path, entry) in case.provided() {
            entry.put(&root.place(Utf8Path::new(&path)));
            if entry.bytes().is_some() {
                node.probe.edit(|machine| drop(machine.files.insert(path.into(), String::new())));
            }
        }
        match case.command {
            Command::Init => {}
            Command::JoinWorker | Command::JoinControlPlane => joining::prepare(case, &node),
            Command::Renew => renewing::prepare(&node),
        }
        // A real kubelet starts what it finds; here it looks once, so a phase that comes too late is found out.
        let first = case.command == Command::Init;
        let external_etcd = case.shape == Shape::ExternalEtcd;
        let (manifests, kube) = (node.root.place(Utf8Path::new("/etc/kubernetes/manifests")), node.kube.clone());
        node.services.on_restart(move |_| {
            let components = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];
            let components = &components[..if external_etcd { 3 } else { 4 }];
            if first && !components.iter().all(|component| manifests.join(format!("{component}.yaml")).exists()) {
                kube.stop();
            }
        });
        // A real kubelet asks for a certificate once it runs, and keeps one that it has.
        node.services.on_restart(move |service| {
            let pem = root.place(Utf8Path::new(KUBELET_PEM));
            if service == "kubelet" && !pem.exists() {
                fs::create_dir_all(pem.parent().unwrap()).unwrap();
                fs::write(&pem, "the kubelet's own\n").unwrap();
                fs::set_permissions(&pem, fs::Permissions::from_mode(0o600)).unwrap();
            }
        });
        Self { node, case: case.clone(), seeds: seeds(case), _directory: directory }
    }

    /// A machine that looks for a cluster with the token and the pin that kinder's tests of dry runs use. Nobody answers.
    pub fn joining_by_token(case: &Case) -> Self {
        let mut machine = Self::new(case);
        let JoinConfiguration { timeouts, node_registration, control_plane, .. } =
            machine.seeds.get::<JoinConfiguration>().unwrap().clone();
        let flags = JoinFlags {
            endpoint: Some("192.168.0.101:6443".into()),
            token: Some("abcdef.abcdef0123456789".to_owned().into()),
            discovery_token_ca_cert_hash: vec![
                "sha256:3b793efefe27a19f93b0fbe6e637e9c41d0dde8a377d6ab1c0f656bf1136dd8a".into(),
            ],
            ..JoinFlags::default()
        };
        let host = HostFacts::with_address("node1", std::net::Ipv4Addr::new(192, 0, 2, 10).into());
        let (by_token, _) = load_join(None, &flags, &host, &facts_for(&default_version()).unwrap()).unwrap();
        let join = JoinConfiguration { timeouts, node_registration, control_plane, ..by_token };
        machine.seeds = Seeds::new().with(join).with(JoinOptions::default());
        machine.node.discovery.fall_silent();
        machine
    }

    /// A machine on which the command has succeeded.
    #[track_caller]
    pub fn finished(case: &Case) -> Self {
        let machine = Self::new(case);
        machine.run(Ask::default()).succeeded("the first run");
        machine
    }

    /// Where the journal and the lock are.
    pub fn state(&self) -> Utf8PathBuf {
        self.node.root.place(Utf8Path::new(STATE_DIR))
    }

    /// Brings the files of the newest run to one side, as every command does first.
    pub fn recover(&self) -> (Option<Replay>, Recovered) {
        self.recover_of(self.case.workflow().name())
    }

    /// The same as another command does.
    pub fn recover_of(&self, workflow: &str) -> (Option<Replay>, Recovered) {
        let newest = replay(&self.state(), workflow).unwrap().newest;
        let files = HostFiles::new(self.node.root.clone());
        let recovered = newest.as_ref().map(|newest| files.recover(newest).unwrap()).unwrap_or_default();
        (newest, recovered)
    }

    /// One command, from its lock to its end.
    #[track_caller]
    pub fn run(&self, ask: Ask) -> Ran {
        let _lock = NodeLock::acquire(&self.node.root, "a law").unwrap();
        let workflow = self.case.workflow();
        let history = replay(&self.state(), workflow.name()).unwrap();
        self.recover();
        let inputs = Inputs::default();
        let (done, resumes) = match resumable(history.unfinished.as_ref(), workflow.name(), &inputs, &ask.selection) {
            Resume::Fresh => (Done::none(), None),
            Resume::Continue { run_id, done } => (done, Some(run_id)),
            Resume::Refuse { why } => panic!("the run is refused: {why}"),
        };
        let plan = workflow.plan(self.seeds.clone(), &ask.selection, &done).unwrap();
        let journal = Journal::begin(&self.state(), plan.head("law", inputs, resumes)).unwrap();
        // Another process knows nothing of what this one has looked at.
        let backends = Backends { files: HostFiles::new(self.node.root.clone()), ..self.node.backends.clone() };
        let mut ran = conduct(backends, &plan, journal, &ask, false);
        ran.done = done.phases().map(str::to_owned).collect();
        ran
    }

    /// The same in name only.
    pub fn dry_run(&self) -> (Ran, Arc<Overlay>, Arc<Sent>) {
        let overlay = Overlay::new(self.node.root.clone());
        let (backends, sent) = self.node.backends.clone().into_dry_run(overlay.clone(), self.dry_cluster()).unwrap();
        let plan = self.case.workflow().plan(self.seeds.clone(), &Selection::default(), &Done::none()).unwrap();
        let ran = conduct(backends, &plan, Journal::discarding("dry-run"), &Ask::default(), true);
        (ran, overlay, sent)
    }
}

impl Machine {
    fn dry_cluster(&self) -> DryCluster {
        let plane = self.seeds.get::<JoinConfiguration>().map(|join| join.control_plane.clone());
        let Some(plane) = plane else { return DryCluster::New };
        let (key, now) = (plane.and_then(|plane| plane.certificate_key), self.node.backends.clock.now());
        let version = self.case.version.parse().unwrap();
        DryCluster::Existing(Box::new(move || stand_in::objects(Some(&version), key.as_ref(), now).unwrap()))
    }
}

/// In memory where that is possible: a law runs hundreds of machines, and what a flush is worth cannot be seen here.
fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub fn conduct(
    backends: Backends,
    plan: &kubewright_engine::Plan<Node>,
    journal: Journal,
    ask: &Ask,
    dry_run: bool,
) -> Ran {
    let (events, mut receiver) = Events::channel();
    let options = RunOptions {
        jobs: NonZeroUsize::new(ask.jobs).unwrap(),
        faults: ask.faults.clone(),
        dry_run,
        ..ask.cancel.clone().map_or_else(RunOptions::default, RunOptions::new)
    };
    let journal = Arc::new(journal);
    let runner = Runner::new(Arc::new(Node::new(backends)), journal.clone(), events);
    let result = RUNTIME.block_on(runner.run(plan, options));
    drop(runner);
    let events: Vec<Event> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
    let effects = events.iter().filter_map(effect_of).collect();
    Ran { result, effects, records: journal.records(), events, done: Vec::new() }
}

fn effect_of(event: &Event) -> Option<(String, String)> {
    match &event.kind {
        EventKind::Effect { phase, effect: Effect { action, object } } => {
            Some((phase.clone(), format!("{action} {object}")))
        }
        _ => None,
    }
}
