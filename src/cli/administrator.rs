//! The kubeconfig that a command asks the cluster with, where no phase does: which one, and what it says.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_discovery::tokens::{JoinTarget, client_kubeconfig};
use kubewright_engine::{Failure, FailureContext};
use kubewright_node::{FileBackend, KubeAccess};
use kubewright_phases::paths;
use zeroize::Zeroizing;

use crate::env_vars;
use crate::given::{first_existing, read_kubeconfig};

/// The file, as it was when the command began.
pub struct Administrator {
    path: Utf8PathBuf,
    bytes: Zeroizing<Vec<u8>>,
}

impl Administrator {
    /// Reads the kubeconfig that was named, or the first that exists of `KUBECONFIG`'s (else the user's own) and
    /// `admin.conf`. kubeadm: `GetKubeConfigPath`.
    ///
    /// # Errors
    /// It cannot be read. The first place that was looked at is named if there is none.
    pub fn find(named: Option<&str>) -> Result<Self, Failure> {
        let path = match named.filter(|path| !path.is_empty()) {
            Some(path) => path.into(),
            None => {
                let mut places = env_vars::kubeconfig_files();
                places.push(paths::ADMIN_CONF.into());
                first_existing(&places).unwrap_or(&places[0]).clone()
            }
        };
        tracing::info!("[kubeconfig] using {path:?}");
        let bytes = read_kubeconfig(&path).context("failed to load admin kubeconfig")?;
        Ok(Self { path, bytes })
    }

    /// Access with its credentials.
    ///
    /// # Errors
    /// It is no usable kubeconfig.
    pub fn access(&self, call_limit: Duration) -> Result<KubeAccess, Failure> {
        let path = &self.path;
        let kubeconfig = client_kubeconfig(path, &self.bytes)
            .context(format!("cannot use the kubeconfig `{path}`"))
            .hint("`kubectl config view --minify` shows which parts of it count")?;
        Ok(KubeAccess { kubeconfig, server: None, call_limit })
    }

    /// What a join command says of the cluster.
    ///
    /// # Errors
    /// The kubeconfig names no authority, or one that cannot be read.
    pub fn join_target(&self, files: &dyn FileBackend) -> Result<JoinTarget, Failure> {
        let read = |path: &Utf8Path| files.read(path).map_err(Failure::from);
        JoinTarget::of(&self.path, &self.bytes, &read).context("failed to get join command")
    }
}
