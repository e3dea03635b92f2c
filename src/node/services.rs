//! The services of the node's init system: start, stop, restart, and what is known about them.

use std::sync::Arc;

use async_trait::async_trait;
use kubewright_engine::{Capability, Effect, Failure};

use crate::outward::Outward;
use crate::{Node, NodeSession};

/// Why the init system did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Neither systemd nor OpenRC was found.
    #[error("no init system that can {doing} `{service}`: neither systemctl nor rc-service is in PATH")]
    NoInitSystem {
        /// What was asked.
        doing: &'static str,
        /// The service.
        service: String,
    },
    /// The command could not be run or took too long.
    #[error("cannot {doing} the service `{service}`")]
    Command {
        /// What was asked.
        doing: &'static str,
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The command ended with an error.
    #[error("cannot {doing} the service `{service}`: {output}")]
    Refused {
        /// What was asked.
        doing: &'static str,
        /// The service.
        service: String,
        /// What the command printed, shortened.
        output: String,
    },
}

/// What is known about a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServiceState {
    /// The init system knows it.
    pub exists: bool,
    /// It starts with the machine.
    pub enabled: bool,
    /// It runs, or is about to.
    pub active: bool,
}

/// The init system.
#[async_trait]
pub trait ServiceBackend: Send + Sync {
    /// The init system's name, or `None` when there is none that we know.
    fn init_system(&self) -> Option<&'static str>;
    /// What is known about a service.
    async fn state(&self, service: &str) -> Result<ServiceState, ServiceError>;
    /// Starts it, or starts it afresh; reads changed unit files first.
    async fn restart(&self, service: &str) -> Result<(), ServiceError>;
    /// Lets it start with the machine.
    async fn enable(&self, service: &str) -> Result<(), ServiceError>;
    /// Stops it and returns when it has stopped.
    async fn stop(&self, service: &str) -> Result<(), ServiceError>;
}

/// The power to start and stop services.
pub struct Services {
    backend: Arc<dyn ServiceBackend>,
    outward: Outward,
}

impl Capability<Node> for Services {
    const NAME: &'static str = "services";

    fn of(session: &NodeSession) -> Self {
        Self { backend: Arc::clone(&session.backends.services), outward: Outward::of(session) }
    }
}

impl Services {
    /// What is known about a service.
    pub async fn state(&self, service: &str) -> Result<ServiceState, Failure> {
        Ok(self.backend.state(service).await?)
    }

    /// The init system's name, or `None` when there is none that we know.
    pub fn init_system(&self) -> Option<&'static str> {
        self.backend.init_system()
    }

    /// Starts it afresh, with the files that this phase wrote in place.
    pub async fn restart(&self, service: &str) -> Result<(), Failure> {
        let effect = Effect::new("restart", format!("service {service}"));
        self.outward.perform(effect, self.backend.restart(service)).await
    }

    /// Stops it; a service that does not run changes nothing.
    pub async fn ensure_stopped(&self, service: &str) -> Result<(), Failure> {
        if !self.backend.state(service).await?.active {
            return Ok(());
        }
        self.outward.perform(Effect::new("stop", format!("service {service}")), self.backend.stop(service)).await
    }
}
