//! Backends that answer as if everything had been done, and keep what was asked for. Files have an overlay of their own
//! in `host`; reading the machine stays real, and so does reading a cluster that is there to be joined.

mod behind;
mod discovery;
mod etcd;
mod kube;
mod leftovers;
mod services;
mod snapshots;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8Path;

use crate::files::{Contents, FileError, Mode};
use crate::kube::KubeBackend;
use crate::probe::{HealthAnswer, HealthBackend, Question, ServerAnswer};
use crate::runtime::{ContainerInfo, OneShot, RuntimeBackend, RuntimeError, RuntimeStatus, Sandbox};
use crate::static_pods::{DryStaticPods, MirrorPods, StaticPodBackend};
use crate::{Backends, ClockBackend, FileBackend};

use behind::Behind;
use kube::DryKube;
use services::DryKubelet;

pub use behind::{DryCluster, Imagine, MadeUp};
pub use kube::Sent;

/// Files that are written in memory only.
pub trait DryFiles: FileBackend {
    /// Lets a file appear that another program would write, such as the kubelet. It can be read, and is not told as a
    /// change of this run.
    ///
    /// # Errors
    /// Its path leads where no file can be.
    fn appear(&self, path: &Utf8Path, contents: &Contents, mode: Mode) -> Result<(), FileError>;
}

impl Backends {
    /// Exchanges everything that could change something: files go to the overlay, the rest answers as if done. What would
    /// have been sent to the API server is in the second half.
    ///
    /// # Errors
    /// A file of a cluster that is made up cannot be where it should.
    pub fn into_dry_run(self, overlay: Arc<dyn DryFiles>, cluster: DryCluster) -> Result<(Self, Arc<Sent>), FileError> {
        let sent = Arc::new(Sent::default());
        let made_up = matches!(cluster, DryCluster::MadeUp(_));
        if let DryCluster::MadeUp(MadeUp { version, files, .. }) = &cluster {
            files.iter().try_for_each(|(path, contents, mode)| overlay.appear(path, contents, *mode))?;
            sent.serve(version);
        }
        let behind = Arc::new(Behind::new(cluster));
        let kubelet = DryKubelet::new(Arc::clone(&overlay));
        let kube: Arc<dyn KubeBackend> = Arc::new(DryKube::new(self.kube, Arc::clone(&behind), Arc::clone(&sent)));
        let static_pods: Arc<dyn StaticPodBackend> = match made_up {
            true => MirrorPods::of(Arc::clone(&kube)),
            false => self.static_pods,
        };
        let dry = Self {
            static_pods: Arc::new(DryStaticPods::new(static_pods, Arc::clone(&overlay) as Arc<dyn FileBackend>)),
            files: overlay,
            trees: Arc::new(leftovers::DryTrees::new(self.trees)),
            kernel: Arc::new(leftovers::DryKernel::new(self.kernel)),
            services: Arc::new(services::DryServices::new(self.services, Arc::clone(&kubelet))),
            kube,
            etcd: Arc::new(etcd::DryEtcd::new(self.etcd, Arc::clone(&behind))),
            snapshots: Arc::new(snapshots::DrySnapshots(self.snapshots)),
            runtime: Arc::new(DryRuntime { real: self.runtime, clock: self.clock.clone(), stopped: Mutex::default() }),
            health: Arc::new(DryHealth { real: self.health, kubelet }),
            discovery: Arc::new(discovery::DryDiscovery::new(self.discovery, behind)),
            ..self
        };
        Ok((dry, sent))
    }
}

/// A runtime that pulls, ends and removes in name only; everything that is read is real.
struct DryRuntime {
    real: Arc<dyn RuntimeBackend>,
    clock: Arc<dyn ClockBackend>,
    stopped: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl RuntimeBackend for DryRuntime {
    async fn status(&self, socket: &str) -> Result<RuntimeStatus, RuntimeError> {
        self.real.status(socket).await
    }

    async fn cgroup_driver(&self, socket: &str) -> Result<String, RuntimeError> {
        self.real.cgroup_driver(socket).await
    }

    async fn has_image(&self, socket: &str, image: &str) -> Result<bool, RuntimeError> {
        self.real.has_image(socket, image).await
    }

    async fn pull(&self, _: &str, _: &str) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn containers(&self, socket: &str) -> Result<Vec<ContainerInfo>, RuntimeError> {
        let mut containers = self.real.containers(socket).await?;
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        for container in containers.iter_mut().filter(|container| stopped.contains(&container.id)) {
            // As the kubelet starts it again.
            container.id += "-again";
            container.state = "running".into();
            container.attempt += 1;
            container.started = Some(self.clock.now());
        }
        Ok(containers)
    }

    async fn stop_container(&self, _: &str, id: &str, _: Duration) -> Result<(), RuntimeError> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        Ok(())
    }

    async fn sandboxes(&self, socket: &str) -> Result<Vec<Sandbox>, RuntimeError> {
        self.real.sandboxes(socket).await
    }

    async fn remove_sandbox(&self, _: &str, _: &str) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn run_once(&self, _: &str, _: &OneShot) -> Result<i32, RuntimeError> {
        Ok(0)
    }
}

/// Endpoints that are healthy at once: in a dry run nothing was started that could become so.
struct DryHealth {
    real: Arc<dyn HealthBackend>,
    kubelet: Arc<DryKubelet>,
}

#[async_trait]
impl HealthBackend for DryHealth {
    async fn get(&self, _: &str) -> Result<HealthAnswer, String> {
        // Who waits for a kubelet has it started, also where no init system is known that could be told to.
        self.kubelet.run().map_err(|error| error.to_string())?;
        Ok(HealthAnswer { status: 200, body: "ok".into() })
    }

    async fn ask(&self, question: Question) -> Result<ServerAnswer, String> {
        self.real.ask(question).await
    }

    async fn certificate(&self, address: &str) -> Result<Vec<u8>, String> {
        self.real.certificate(address).await
    }

    async fn serves(&self, _: &str, _: &[u8]) -> Result<bool, String> {
        Ok(true)
    }
}
