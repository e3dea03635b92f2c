//! The container runtime, spoken to over CRI.

mod one_shot;
mod stubborn;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kubewright_engine::{Capability, Effect, Failure};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::outward::Outward;
use crate::{Node, NodeSession};

pub use one_shot::{BoundPath, OneShot};
pub use stubborn::pull_stubbornly;
use stubborn::remove_stubbornly;

/// Why the container runtime did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Nobody listens at the socket, or the address cannot be used.
    #[error("cannot reach the container runtime at `{socket}`: {message}")]
    Unreachable {
        /// The socket, such as `unix:///run/containerd/containerd.sock`.
        socket: String,
        /// Why.
        message: String,
    },
    /// The runtime does not know the call.
    #[error("the container runtime at `{socket}` does not implement {call}")]
    Unimplemented {
        /// The socket.
        socket: String,
        /// The call, such as `RuntimeConfig`.
        call: &'static str,
    },
    /// The runtime answered with an error.
    #[error("the container runtime at `{socket}` failed in {call}: {message}")]
    Failed {
        /// The socket.
        socket: String,
        /// The call.
        call: &'static str,
        /// The runtime's words.
        message: String,
    },
}

/// What the runtime says of itself.
#[derive(Debug, Clone, Default)]
pub struct RuntimeStatus {
    /// Such as `containerd`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// It can run containers. Whether the network is ready is another matter and does not count here.
    pub ready: bool,
    /// Why it is not ready.
    pub message: String,
    /// The image of the pod sandbox in its own configuration.
    pub sandbox_image: Option<String>,
}

/// One container as the runtime knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerInfo {
    /// The runtime's own name of it.
    pub id: String,
    /// Its name in the pod, such as `kube-apiserver`.
    pub name: String,
    /// The name of its pod, as the kubelet notes it.
    pub pod: String,
    /// The identifier of its pod, as the kubelet notes it. That of a static pod is a digest of its manifest: what the API
    /// shows as `kubernetes.io/config.hash`.
    pub pod_uid: String,
    /// `running`, `exited`, `created` or `unknown`.
    pub state: String,
    /// How it exited.
    pub exit_code: Option<i32>,
    /// How often it was started before.
    pub attempt: u32,
    /// When it was started; `None` when it was not.
    pub started: Option<OffsetDateTime>,
    /// Where its output is.
    pub log_path: Option<String>,
}

/// A pod's sandbox as the runtime knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// The runtime's number for it.
    pub id: String,
    /// The pod's name.
    pub name: String,
    /// The pod's namespace.
    pub namespace: String,
}

impl std::fmt::Display for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pod {}/{} ({})", self.namespace, self.name, self.id)
    }
}

/// The container runtime at a socket.
#[async_trait]
pub trait RuntimeBackend: Send + Sync {
    /// What the runtime says of itself. At most 2 s.
    async fn status(&self, socket: &str) -> Result<RuntimeStatus, RuntimeError>;
    /// The cgroup driver that the runtime asks for (`RuntimeConfig`): `systemd` or `cgroupfs`. At most 2 s.
    async fn cgroup_driver(&self, socket: &str) -> Result<String, RuntimeError>;
    /// Whether the image is there.
    async fn has_image(&self, socket: &str, image: &str) -> Result<bool, RuntimeError>;
    /// Pulls the image; returns when it is there.
    async fn pull(&self, socket: &str, image: &str) -> Result<(), RuntimeError>;
    /// The newest container of each name and pod in the namespace `kube-system`, running or not: by name, the oldest first.
    async fn containers(&self, socket: &str) -> Result<Vec<ContainerInfo>, RuntimeError>;
    /// Every pod sandbox, running or not, by namespace and name.
    async fn sandboxes(&self, socket: &str) -> Result<Vec<Sandbox>, RuntimeError>;
    /// Stops a sandbox with all its containers, and removes it. One that is not there is gone. Each half at most 10 s.
    async fn remove_sandbox(&self, socket: &str, id: &str) -> Result<(), RuntimeError>;
    /// Ends a container: SIGTERM, and after the grace SIGKILL. Returns when it has ended; one that has is a success.
    async fn stop_container(&self, socket: &str, id: &str, grace: Duration) -> Result<(), RuntimeError>;
    /// Runs a program of an image to its end, in a pod of its own that is gone afterwards, and gives its exit code. What is
    /// left of an earlier pod of this name is removed first.
    async fn run_once(&self, socket: &str, program: &OneShot) -> Result<i32, RuntimeError>;
}

/// The power to pull images, to look at containers, to end them, to remove pods and to run a program once.
pub struct Runtime {
    backend: Arc<dyn RuntimeBackend>,
    outward: Outward,
}

impl Capability<Node> for Runtime {
    const NAME: &'static str = "runtime";

    fn of(session: &NodeSession) -> Self {
        Self { backend: Arc::clone(&session.backends.runtime), outward: Outward::of(session) }
    }
}

impl Runtime {
    /// What the runtime says of itself.
    pub async fn status(&self, socket: &str) -> Result<RuntimeStatus, RuntimeError> {
        self.backend.status(socket).await
    }

    /// The cgroup driver that the runtime asks for.
    pub async fn cgroup_driver(&self, socket: &str) -> Result<String, RuntimeError> {
        self.backend.cgroup_driver(socket).await
    }

    /// Whether the image is there.
    pub async fn has_image(&self, socket: &str, image: &str) -> Result<bool, RuntimeError> {
        self.backend.has_image(socket, image).await
    }

    /// Pulls the image as [`pull_stubbornly`] does.
    pub async fn pull(&self, socket: &str, image: &str) -> Result<(), Failure> {
        self.outward.perform(Effect::new("pull", image), pull_stubbornly(&*self.backend, socket, image)).await
    }

    /// Every pod sandbox, running or not, by namespace and name.
    pub async fn sandboxes(&self, socket: &str) -> Result<Vec<Sandbox>, RuntimeError> {
        self.backend.sandboxes(socket).await
    }

    /// Stops a pod and removes it. One that is busy is asked again until `patience` is over, and at least five times; `busy`
    /// hears why.
    pub async fn remove_sandbox(
        &self,
        socket: &str,
        sandbox: &Sandbox,
        patience: Instant,
        busy: impl Fn(&RuntimeError),
    ) -> Result<(), Failure> {
        let work = remove_stubbornly(&*self.backend, socket, &sandbox.id, patience, busy);
        self.outward.perform(Effect::new("remove", sandbox.to_string()), work).await
    }

    /// The newest container of each name and pod in the namespace `kube-system`, running or not: by name, the oldest first.
    pub async fn containers(&self, socket: &str) -> Result<Vec<ContainerInfo>, RuntimeError> {
        self.backend.containers(socket).await
    }

    /// Ends a container of a static pod, which the kubelet then starts anew.
    pub async fn stop_container(
        &self,
        socket: &str,
        container: &ContainerInfo,
        grace: Duration,
    ) -> Result<(), Failure> {
        let effect = Effect::new("stop", format!("container {}", container.name));
        self.outward.perform(effect, self.backend.stop_container(socket, &container.id, grace)).await
    }

    /// Runs a program of an image to its end, in a pod of its own that is gone afterwards, and gives its exit code. The
    /// kubelet must not run meanwhile: it removes pods that it does not know of.
    pub async fn run_once(&self, socket: &str, program: &OneShot) -> Result<i32, Failure> {
        let effect = Effect::new("run", format!("{} of {}", program.command.join(" "), program.image));
        self.outward.perform(effect, self.backend.run_once(socket, program)).await
    }
}
