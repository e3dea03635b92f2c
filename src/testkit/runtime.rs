//! A container runtime that runs nothing and remembers what it pulled.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kubewright_node::{ContainerInfo, RuntimeBackend, RuntimeError, RuntimeStatus, Sandbox};

use crate::faults::Calls;

/// What the fake runtime says of itself.
#[derive(Debug, Clone)]
pub struct RuntimeFacts {
    /// Its status; ready at first.
    pub status: RuntimeStatus,
    /// The cgroup driver; `None` when it does not know the call, as before containerd 2.
    pub cgroup_driver: Option<String>,
    /// Nobody listens at its socket.
    pub down: bool,
    /// Its containers.
    pub containers: Vec<ContainerInfo>,
    /// Its pods.
    pub sandboxes: Vec<Sandbox>,
    /// Its images.
    pub images: BTreeSet<String>,
}

/// A container runtime in name only: containerd without images.
pub struct FakeRuntime {
    facts: Mutex<RuntimeFacts>,
    pulls: Calls<()>,
    removals: Calls<()>,
}

impl Default for FakeRuntime {
    fn default() -> Self {
        let status = RuntimeStatus {
            name: "containerd".into(),
            version: "v2.1.0".into(),
            ready: true,
            message: String::new(),
            sandbox_image: None,
        };
        let (containers, sandboxes, images) = Default::default();
        let cgroup_driver = Some("systemd".into());
        let facts = RuntimeFacts { status, cgroup_driver, down: false, containers, sandboxes, images };
        Self { facts: Mutex::new(facts), pulls: Calls::default(), removals: Calls::default() }
    }
}

impl FakeRuntime {
    /// Puts an image in.
    pub fn add_image(&self, image: &str) {
        self.facts().images.insert(image.into());
    }

    /// Its images, sorted.
    pub fn images(&self) -> Vec<String> {
        self.facts().images.iter().cloned().collect()
    }

    /// What it was told to pull, in order.
    pub fn pulls(&self) -> Vec<String> {
        self.pulls.made()
    }

    /// Lets the next pull of an image fail.
    pub fn fail_pull(&self, image: &str) {
        self.pulls.fail(image, 1, ());
    }

    /// Its pods.
    pub fn sandboxes(&self) -> Vec<Sandbox> {
        self.facts().sandboxes.clone()
    }

    /// Lets the nth removal of a pod from now on fail, counting from 1.
    pub fn fail_removal(&self, id: &str, nth: usize) {
        self.removals.fail(id, nth, ());
    }

    /// The removals of pods that were asked for, by number, in order.
    pub fn removals(&self) -> Vec<String> {
        self.removals.made()
    }

    /// Changes what it says of itself.
    pub fn edit(&self, edit: impl FnOnce(&mut RuntimeFacts)) {
        edit(&mut self.facts());
    }

    fn facts(&self) -> MutexGuard<'_, RuntimeFacts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self, socket: &str) -> Result<MutexGuard<'_, RuntimeFacts>, RuntimeError> {
        let facts = self.facts();
        match facts.down {
            true => Err(RuntimeError::Unreachable { socket: socket.into(), message: "connection refused".into() }),
            false => Ok(facts),
        }
    }
}

#[async_trait]
impl RuntimeBackend for FakeRuntime {
    async fn status(&self, socket: &str) -> Result<RuntimeStatus, RuntimeError> {
        Ok(self.up(socket)?.status.clone())
    }

    async fn cgroup_driver(&self, socket: &str) -> Result<String, RuntimeError> {
        let unknown = || RuntimeError::Unimplemented { socket: socket.into(), call: "RuntimeConfig" };
        self.up(socket)?.cgroup_driver.clone().ok_or_else(unknown)
    }

    async fn has_image(&self, socket: &str, image: &str) -> Result<bool, RuntimeError> {
        Ok(self.up(socket)?.images.contains(image))
    }

    async fn pull(&self, socket: &str, image: &str) -> Result<(), RuntimeError> {
        let mut facts = self.up(socket)?;
        if self.pulls.make(image.into()).is_some() {
            let message = "the fake registry was told to fail".into();
            return Err(RuntimeError::Failed { socket: socket.into(), call: "PullImage", message });
        }
        facts.images.insert(image.into());
        Ok(())
    }

    async fn containers(&self, socket: &str) -> Result<Vec<ContainerInfo>, RuntimeError> {
        Ok(self.up(socket)?.containers.clone())
    }

    async fn sandboxes(&self, socket: &str) -> Result<Vec<Sandbox>, RuntimeError> {
        Ok(self.up(socket)?.sandboxes.clone())
    }

    async fn remove_sandbox(&self, socket: &str, id: &str) -> Result<(), RuntimeError> {
        let mut facts = self.up(socket)?;
        if self.removals.make(id.into()).is_some() {
            let message = "the fake runtime was told to fail".into();
            return Err(RuntimeError::Failed { socket: socket.into(), call: "StopPodSandbox", message });
        }
        facts.sandboxes.retain(|sandbox| sandbox.id != id);
        Ok(())
    }
}
