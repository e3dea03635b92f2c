//! The init system of a dry run, and what follows from starting a kubelet.

use std::sync::Arc;

use async_trait::async_trait;
use camino::Utf8Path;

use super::DryFiles;
use crate::files::{Contents, FileError, Mode};
use crate::services::{ServiceBackend, ServiceError, ServiceState};

/// A kubelet in name only.
pub(super) struct DryKubelet(Arc<dyn DryFiles>);

impl DryKubelet {
    pub(super) fn new(files: Arc<dyn DryFiles>) -> Arc<Self> {
        Arc::new(Self(files))
    }

    /// Does what a kubelet does once it runs: with credentials for asking it gets its certificate.
    pub(super) fn run(&self) -> Result<(), FileError> {
        let there = |path: &str| self.0.read(Utf8Path::new(path)).map(|found| found.is_some());
        if !there(BOOTSTRAP_KUBELET_CONF)? || there(KUBELET_CONF)? {
            return Ok(());
        }
        self.0.appear(KUBELET_PEM.into(), &Contents::secret("in a dry run nobody signs it\n"), Mode(0o600))?;
        self.0.appear(KUBELET_CONF.into(), &Contents::secret(KUBECONFIG), Mode(0o600))
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

    async fn stop(&self, _: &str) -> Result<(), ServiceError> {
        Ok(())
    }
}

const BOOTSTRAP_KUBELET_CONF: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
const KUBELET_PEM: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

/// As the kubelet writes it, but for the cluster, which nobody reads.
const KUBECONFIG: &str = "\
apiVersion: v1
clusters: []
contexts:
- context:
    cluster: default-cluster
    namespace: default
    user: default-auth
  name: default-context
current-context: default-context
kind: Config
users:
- name: default-auth
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
";
