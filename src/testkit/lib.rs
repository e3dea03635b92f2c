//! Fakes of everything that a phase may ask for, except files and trees: those are host's real ones on a temporary
//! directory.
//!
//! [`node`] makes a machine that is fit for Kubernetes. Its cluster is down until something restarts the service
//! `kubelet`; then the API answers, health endpoints are well and the node is registered, as on a real machine.

pub mod discovery;
pub mod etcd;
mod faults;
pub mod health;
pub mod kernel;
pub mod kube;
pub mod probe;
pub mod runtime;
pub mod services;
mod static_pod;
pub mod static_pods;
mod strategic;
mod tree;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use camino::Utf8Path;
use kubewright_host::{HostFiles, HostSnapshots, HostTrees, Overlay, Root};
use kubewright_node::{Backends, ClockBackend, EtcdAccess, KubeAccess, Node};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;
use zeroize::Zeroizing;

pub use discovery::FakeDiscovery;
pub use etcd::FakeEtcd;
pub use health::FakeHealth;
pub use kernel::{FakeKernel, KernelFacts};
pub use kube::FakeKube;
pub use probe::{FakeProbe, Machine};
pub use runtime::{FakeRuntime, RuntimeFacts};
pub use services::FakeServices;
pub use static_pods::FakeStaticPods;
pub use tree::tree;

/// A machine for tests: real files under one directory, everything else made up.
#[derive(Clone)]
pub struct TestNode {
    /// Where its files are.
    pub root: Root,
    /// What phases get, through [`TestNode::world`].
    pub backends: Backends,
    /// What is left in the kernel.
    pub kernel: Arc<FakeKernel>,
    /// The init system.
    pub services: Arc<FakeServices>,
    /// The Kubernetes API.
    pub kube: Arc<FakeKube>,
    /// etcd's membership.
    pub etcd: Arc<FakeEtcd>,
    /// The container runtime.
    pub runtime: Arc<FakeRuntime>,
    /// The kubelet's static pods.
    pub static_pods: Arc<FakeStaticPods>,
    /// The machine.
    pub probe: Arc<FakeProbe>,
    /// Health endpoints.
    pub health: Arc<FakeHealth>,
    /// The cluster before it is trusted.
    pub discovery: Arc<FakeDiscovery>,
    /// The time.
    pub clock: Arc<FixedClock>,
}

/// Makes a machine whose files are under `dir`, which must exist.
pub fn node(dir: &Utf8Path) -> TestNode {
    let root = Root::at(dir);
    let files = HostFiles::new(root.clone());
    let kernel = Arc::new(FakeKernel::default());
    let services = Arc::new(FakeServices::default());
    let kube = Arc::new(FakeKube::default());
    let etcd = Arc::new(FakeEtcd::default());
    let runtime = Arc::new(FakeRuntime::default());
    let static_pods = Arc::new(FakeStaticPods::on(root.clone()));
    let probe = Arc::new(FakeProbe::default());
    let health = Arc::new(FakeHealth::default());
    let discovery = Arc::new(FakeDiscovery::default());
    let clock = FixedClock::at(datetime!(2026-01-02 03:04:05 UTC));
    let backends = Backends {
        files,
        trees: HostTrees::new(root.clone()),
        kernel: kernel.clone(),
        services: services.clone(),
        kube: kube.clone(),
        etcd: etcd.clone(),
        snapshots: HostSnapshots::new(root.clone()),
        runtime: runtime.clone(),
        static_pods: static_pods.clone(),
        probe: probe.clone(),
        health: health.clone(),
        discovery: discovery.clone(),
        clock: clock.clone(),
    };
    let node = TestNode {
        root,
        backends,
        kernel,
        services,
        kube,
        etcd,
        runtime,
        static_pods,
        probe,
        health,
        discovery,
        clock,
    };
    let files = node.root.clone();
    node.etcd.before_each_list(move |etcd| static_pod::start_etcd(&files, etcd));
    let (kube, health, probe) = (node.kube.clone(), node.health.clone(), node.probe.clone());
    node.services.on_restart(move |service| {
        if service == "kubelet" {
            start(&kube, &health, &probe);
        }
    });
    node
}

impl TestNode {
    /// The world that a runner wants.
    pub fn world(&self) -> Arc<Node> {
        Arc::new(Node::new(self.backends.clone()))
    }

    /// Starts the cluster as restarting the kubelet does.
    pub fn start_cluster(&self) {
        start(&self.kube, &self.health, &self.probe);
    }

    /// Access to the fake API, which believes everybody; failing requests are given up after a quarter of a second.
    pub fn access() -> KubeAccess {
        KubeAccess { kubeconfig: Zeroizing::new(String::new()), server: None, call_limit: Duration::from_millis(250) }
    }

    /// Access to the fake etcd, which believes everybody; failing requests are given up after a quarter of a second.
    pub fn etcd_access() -> EtcdAccess {
        let endpoints = vec!["https://10.0.0.1:2379".into()];
        EtcdAccess { endpoints, tls: None, call_limit: Duration::from_millis(250) }
    }

    /// A layer over its files, for a dry run.
    pub fn overlay(&self) -> Arc<Overlay> {
        Overlay::new(self.root.clone())
    }

    /// All files and directories by path, each with mode and digest, for comparing before and after.
    pub fn tree(&self) -> BTreeMap<String, String> {
        tree(&self.root.place(Utf8Path::new("/")))
    }
}

fn start(kube: &FakeKube, health: &FakeHealth, probe: &FakeProbe) {
    kube.start();
    health.start();
    // The node keeps what others wrote on it when the kubelet restarts.
    kube.ensure(node_object(&probe.machine().hostname));
}

fn node_object(name: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "spec": {},
        "status": {},
    })
}

/// A clock that stands still until it is set.
pub struct FixedClock(Mutex<OffsetDateTime>);

impl FixedClock {
    /// Stands at a time.
    pub fn at(time: OffsetDateTime) -> Arc<Self> {
        Arc::new(Self(Mutex::new(time)))
    }

    /// Sets it to another time.
    pub fn set(&self, time: OffsetDateTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

impl ClockBackend for FixedClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole_run;
