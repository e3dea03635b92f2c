//! The real machine and the real cluster behind the interfaces, and what the configuration wants to know of the machine.

use std::sync::Arc;

use camino::Utf8Path;
use kubewright_cluster::{ApiServer, CriRuntime, HttpsDiscovery, LocalHealth};
use kubewright_config::HostFacts;
use kubewright_engine::{Failure, FailureContext};
use kubewright_etcd::EtcdCluster;
use kubewright_host::{HostFiles, HostKernel, HostProbe, HostServices, HostSnapshots, HostTrees, Root};
use kubewright_node::{Backends, RunningPods, ServiceBackend, SystemClock};
use kubewright_phases::checks::{LOOK_LIMIT, within};
use kubewright_phases::network::network_facts;
use rustix::fs::{Mode, OFlags};

use crate::exit::Exit;

/// The machine that we run on.
pub struct Machine {
    /// Where its files are.
    pub root: Root,
    /// Its files, with recovery.
    pub files: Arc<HostFiles>,
    /// Everything behind the interfaces.
    pub backends: Backends,
}

impl Machine {
    /// The machine as it is.
    pub fn live() -> Self {
        let root = Root::system();
        let files = HostFiles::new(root.clone());
        let kube = Arc::new(ApiServer::new());
        let runtime = Arc::new(CriRuntime::new());
        let backends = Backends {
            files: files.clone(),
            trees: HostTrees::new(root.clone()),
            kernel: HostKernel::new(),
            services: HostServices::new(),
            kube: kube.clone(),
            etcd: Arc::new(EtcdCluster::new()),
            snapshots: HostSnapshots::new(root.clone()),
            static_pods: RunningPods::of(runtime.clone(), kube.clone()),
            runtime,
            probe: HostProbe::new(root.clone()),
            health: Arc::new(LocalHealth::new()),
            discovery: Arc::new(HttpsDiscovery::new(kube)),
            clock: Arc::new(SystemClock),
        };
        Self { root, files, backends }
    }
}

/// Does something that needs the machine.
pub fn on_machine<F: Future<Output = Result<(), Exit>>>(work: impl FnOnce(Machine) -> F) -> Result<(), Exit> {
    some_files_may_be_opened()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Exit::of)?;
    runtime.block_on(work(Machine::live()))
}

/// The runtime of our tasks panics where it may open no file; a limit that low is told before.
fn some_files_may_be_opened() -> Result<(), Failure> {
    // The root is there whatever `--rootfs` has made it.
    let open = |_| rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let opened: Result<Vec<_>, _> = (0..FILES_OF_THE_RUNTIME).map(open).collect();
    opened.map(drop).context("cannot open files").hint("raise the limit of open files: `ulimit -n 1024`")
}

/// The runtime's own: its queue of events, what wakes it, and both ends of the signals' pipe. Two more for good measure.
const FILES_OF_THE_RUNTIME: usize = 6;

/// What a node's own configuration hangs on: as [`host_facts`], and what the kubelet's document wants to know of the
/// init system.
pub async fn node_facts(backends: &Backends) -> HostFacts {
    HostFacts { resolved_active: resolved_active(&*backends.services).await, ..host_facts(backends) }
}

/// Looks at the machine for the configuration's dynamic defaults: everything that they may need without asking another
/// program, whatever is configured.
pub fn host_facts(backends: &Backends) -> HostFacts {
    let probe = &backends.probe;
    let facts = HostFacts {
        hostname: probe.hostname(),
        cri_sockets: kubewright_config::cri_socket_paths()
            .into_iter()
            .filter(|path| probe.socket_answers(Utf8Path::new(path)))
            .collect(),
        proxy_environment: probe
            .environment()
            .into_iter()
            .filter(|(name, value)| name.to_ascii_lowercase().ends_with("_proxy") && !value.is_empty())
            .collect(),
        ..network_facts(&**probe)
    };
    tracing::info!("[host] name {:?}, container runtimes answer at {:?}", facts.hostname, facts.cri_sockets);
    tracing::debug!("[host] default routes {:?}", facts.default_routes);
    facts
}

async fn resolved_active(services: &dyn ServiceBackend) -> bool {
    let state = within(LOOK_LIMIT, "the init system", services.state("systemd-resolved")).await;
    if let Err(late) = &state {
        tracing::info!("[host] {late}: systemd-resolved is taken not to run");
    }
    // No init system, no systemd-resolved.
    state.is_ok_and(|state| state.is_ok_and(|state| state.active))
}
