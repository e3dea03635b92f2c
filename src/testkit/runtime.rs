//! A container runtime that runs nothing and remembers what it pulled.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kubewright_node::{ContainerInfo, OneShot, RuntimeBackend, RuntimeError, RuntimeStatus, Sandbox};
use time::OffsetDateTime;

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
    /// A pod that the kubelet has asked for, and that is there once another one has been removed.
    pub coming: Option<Sandbox>,
    /// Its images.
    pub images: BTreeSet<String>,
}

/// A container runtime in name only: containerd without images.
pub struct FakeRuntime {
    facts: Mutex<RuntimeFacts>,
    pulls: Calls<()>,
    removals: Calls<()>,
    stops: Calls<()>,
    on_stop: Mutex<Vec<OnStop>>,
    once: Mutex<Vec<OneShot>>,
    on_once: Mutex<Option<OnOnce>>,
}

/// What follows when a container, by its name, has been stopped and the kubelet has started it again.
type OnStop = Box<dyn Fn(&str) + Send>;

/// What a program does that is run once, and how it ends.
type OnOnce = Box<dyn Fn(&OneShot) -> Result<i32, RuntimeError> + Send>;

impl Default for FakeRuntime {
    fn default() -> Self {
        let status = RuntimeStatus {
            name: "containerd".into(),
            version: "v2.1.0".into(),
            ready: true,
            message: String::new(),
            sandbox_image: None,
        };
        let (containers, sandboxes, coming, images) = Default::default();
        let cgroup_driver = Some("systemd".into());
        let facts = RuntimeFacts { status, cgroup_driver, down: false, containers, sandboxes, coming, images };
        Self {
            facts: Mutex::new(facts),
            pulls: Calls::default(),
            removals: Calls::default(),
            stops: Calls::default(),
            on_stop: Mutex::default(),
            once: Mutex::default(),
            on_once: Mutex::default(),
        }
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

    /// Lets a component run in a container.
    pub fn run(&self, name: &str) {
        self.facts().containers.push(ContainerInfo {
            id: format!("{name}-0"),
            name: name.into(),
            pod: format!("{name}-node1"),
            pod_uid: String::new(),
            state: "running".into(),
            exit_code: None,
            attempt: 0,
            started: Some(OffsetDateTime::now_utc()),
            log_path: None,
        });
    }

    /// What happens whenever a container has been stopped, and the kubelet has started it again.
    pub fn on_stop(&self, then: impl Fn(&str) + Send + 'static) {
        self.on_stop.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(then));
    }

    /// The names of the containers that were stopped, in order.
    pub fn stops(&self) -> Vec<String> {
        self.stops.made()
    }

    /// Lets the next stop of a container fail.
    pub fn fail_stop(&self, name: &str) {
        self.stops.fail(name, 1, ());
    }

    /// What a program does that is run once, and how it ends; otherwise it does nothing and ends well.
    pub fn on_once(&self, then: impl Fn(&OneShot) -> Result<i32, RuntimeError> + Send + 'static) {
        *self.on_once.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(then));
    }

    /// The programs that were run once, in order.
    pub fn run_once(&self) -> Vec<OneShot> {
        self.once.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let coming = facts.coming.take();
        facts.sandboxes.extend(coming);
        Ok(())
    }

    async fn stop_container(&self, socket: &str, id: &str, _: Duration) -> Result<(), RuntimeError> {
        let failed = |message: &str| RuntimeError::Failed {
            socket: socket.into(),
            call: "StopContainer",
            message: message.into(),
        };
        let name = {
            let mut facts = self.up(socket)?;
            let container = facts.containers.iter_mut().find(|container| container.id == id);
            let container = container.ok_or_else(|| failed("there is no such container"))?;
            if self.stops.make(container.name.clone()).is_some() {
                return Err(failed("the fake runtime was told to fail"));
            }
            container.attempt += 1;
            container.id = format!("{}-{}", container.name, container.attempt);
            container.started = Some(OffsetDateTime::now_utc());
            container.name.clone()
        };
        self.on_stop.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|then| then(&name));
        Ok(())
    }

    async fn run_once(&self, socket: &str, program: &OneShot) -> Result<i32, RuntimeError> {
        drop(self.up(socket)?);
        self.once.lock().unwrap_or_else(PoisonError::into_inner).push(program.clone());
        let then = self.on_once.lock().unwrap_or_else(PoisonError::into_inner);
        then.as_ref().map_or(Ok(0), |then| then(program))
    }
}
