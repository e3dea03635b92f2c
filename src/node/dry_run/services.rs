//! The init system of a dry run, and what follows from starting a kubelet.

use std::sync::Arc;

use async_trait::async_trait;
use camino::Utf8Path;

use super::DryFiles;
use crate::files::{FileError, Mode};
use crate::services::{ServiceBackend, ServiceError, ServiceState};

/// A kubelet in name only.
pub(super) struct DryKubelet(Arc<dyn DryFiles>);

impl DryKubelet {
    pub(super) fn new(files: Arc<dyn DryFiles>) -> Arc<Self> {
        Arc::new(Self(files))
    }

    /// Does what a kubelet does once it runs: with credentials for asking it gets its own. As nobody signs any here, they
    /// are those for asking.
    pub(super) fn run(&self) -> Result<(), FileError> {
        let (asks, has) = (Utf8Path::new(BOOTSTRAP_KUBELET_CONF), Utf8Path::new(KUBELET_CONF));
        match (self.0.read(asks)?, self.0.read(has)?) {
            (Some(credentials), None) => self.0.appear(has, &credentials, Mode(0o600)),
            _ => Ok(()),
        }
    }
}

/// Services that are started and stopped in name only; what is known about them is real.
pub(super) struct DryServices {
    real: Arc<dyn ServiceBackend>,
    kubelet: Arc<DryKubelet>,
}

impl DryServices {
    pub(super) fn new(real: Arc<dyn ServiceBackend>, kubelet: Arc<DryKubelet>) -> Self {
        Self { real, kubelet }
    }
}

#[async_trait]
impl ServiceBackend for DryServices {
    fn init_system(&self) -> Option<&'static str> {
        self.real.init_system()
    }

    async fn state(&self, service: &str) -> Result<ServiceState, ServiceError> {
        self.real.state(service).await
    }

    async fn restart(&self, service: &str) -> Result<(), ServiceError> {
        if service != "kubelet" {
            return Ok(());
        }
        self.kubelet.run().map_err(|error| ServiceError::Refused {
            doing: "restart",
            service: service.into(),
            output: error.to_string(),
        })
    }

    async fn enable(&self, _: &str) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn stop(&self, _: &str) -> Result<(), ServiceError> {
        Ok(())
    }
}

const BOOTSTRAP_KUBELET_CONF: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
