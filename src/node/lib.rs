//! What a phase may ask of the node and the cluster: narrow interfaces, one capability each. Implementations stand in
//! `host` (this machine), `cluster` (API server, container runtime) and `testkit` (fakes); a phase cannot tell which it has.

pub mod clock;
pub mod discovery;
pub mod dry_run;
pub mod etcd;
pub mod files;
pub mod kernel;
pub mod kube;
mod outward;
pub mod probe;
pub mod runtime;
pub mod services;
pub mod snapshots;
pub mod static_pods;
pub mod trees;
pub mod wait;

use std::sync::Arc;

use camino::Utf8Path;
use kubewright_engine::{EffectLog, Failure, Session, World};

pub use clock::{Clock, ClockBackend, SystemClock};
pub use discovery::{Discovery, DiscoveryBackend, StandIn, Trust};
pub use etcd::{Etcd, EtcdAccess, EtcdBackend, EtcdError, EtcdErrorKind, EtcdTls};
pub use files::{Contents, FileBackend, FileError, FileSession, Files, MAX_FILE_BYTES, Mode, Owner};
pub use kernel::{Kernel, KernelBackend, KernelError, Mount, NetworkTrace, NetworkTraces, UnmountFlags};
pub use kube::{
    Kube, KubeAccess, KubeBackend, KubeError, KubeErrorKind, ObjectRef, PatchKind, STRANGER_LIMIT, get_patiently, holds,
};
pub use probe::{
    Entry, HealthAnswer, HealthBackend, Interface, KernelConfig, Probe, ProbeBackend, Question, ServerAnswer,
};
pub use runtime::{
    BoundPath, ContainerInfo, OneShot, Runtime, RuntimeBackend, RuntimeError, RuntimeStatus, Sandbox, pull_stubbornly,
};
pub use services::{ServiceBackend, ServiceError, ServiceState, Services};
pub use snapshots::{PutBack, PutBackStage, Retention, Snapshot, SnapshotBackend, Snapshots};
pub use static_pods::{MirrorPods, NodePods, RunningPods, StaticPodBackend, StaticPodState, StaticPods};
pub use trees::{Cleared, Target, TreeBackend, TreeError, Trees};
pub use wait::{Attempt, wait_for, wait_unseen};

/// Everything behind the interfaces: live, dry, or made up for a test.
#[derive(Clone)]
pub struct Backends {
    /// Files.
    pub files: Arc<dyn FileBackend>,
    /// Trees that are taken away.
    pub trees: Arc<dyn TreeBackend>,
    /// What is left in the kernel.
    pub kernel: Arc<dyn KernelBackend>,
    /// The init system.
    pub services: Arc<dyn ServiceBackend>,
    /// The Kubernetes API.
    pub kube: Arc<dyn KubeBackend>,
    /// etcd's membership.
    pub etcd: Arc<dyn EtcdBackend>,
    /// Copies of etcd's data.
    pub snapshots: Arc<dyn SnapshotBackend>,
    /// The container runtime.
    pub runtime: Arc<dyn RuntimeBackend>,
    /// The static pods of this node.
    pub static_pods: Arc<dyn StaticPodBackend>,
    /// Facts about the machine.
    pub probe: Arc<dyn ProbeBackend>,
    /// Health endpoints on this machine.
    pub health: Arc<dyn HealthBackend>,
    /// The cluster before it is trusted.
    pub discovery: Arc<dyn DiscoveryBackend>,
    /// The time.
    pub clock: Arc<dyn ClockBackend>,
}

/// The engine's world: one node and its cluster.
pub struct Node {
    view: View,
}

impl Node {
    /// Makes a world of its backends.
    pub fn new(backends: Backends) -> Self {
        Self { view: View { backends: Arc::new(backends) } }
    }
}

impl World for Node {
    type View = View;
    type Session = NodeSession;

    fn view(&self) -> &View {
        &self.view
    }

    fn begin(&self, log: EffectLog) -> NodeSession {
        let backends = Arc::clone(&self.view.backends);
        NodeSession { files: backends.files.begin(log.clone()), backends, log }
    }
}

/// Read-only sight of the node and the cluster, for loading what an earlier run made.
pub struct View {
    backends: Arc<Backends>,
}

impl View {
    /// Reads a file; `None` when it is absent.
    pub fn read(&self, path: &Utf8Path) -> Result<Option<Contents>, Failure> {
        Ok(self.backends.files.read(path)?)
    }

    /// The names in a directory, sorted; `None` when it is absent.
    pub fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, Failure> {
        Ok(self.backends.files.list(path)?)
    }

    /// The API, for reading.
    pub fn kube(&self) -> &dyn KubeBackend {
        &*self.backends.kube
    }

    /// etcd's membership, for reading.
    pub fn etcd(&self) -> &dyn EtcdBackend {
        &*self.backends.etcd
    }

    /// The cluster before it is trusted.
    pub fn discovery(&self) -> &dyn DiscoveryBackend {
        &*self.backends.discovery
    }

    /// The time.
    pub fn clock(&self) -> &dyn ClockBackend {
        &*self.backends.clock
    }
}

/// All that one phase changes.
pub struct NodeSession {
    files: Arc<dyn FileSession>,
    backends: Arc<Backends>,
    log: EffectLog,
}

impl Session for NodeSession {
    async fn commit(&self) -> Result<(), Failure> {
        let files = Arc::clone(&self.files);
        Ok(tokio::task::spawn_blocking(move || files.commit()).await??)
    }

    fn halfway(&self) -> bool {
        self.files.halfway()
    }

    async fn roll_back(&self) -> Result<(), Failure> {
        let files = Arc::clone(&self.files);
        Ok(tokio::task::spawn_blocking(move || files.roll_back()).await??)
    }
}
