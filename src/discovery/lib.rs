//! How a node gets a kubeconfig of its cluster that it can trust. Fetching is somebody else's work
//! ([`kubewright_node::DiscoveryBackend`]); what the fetched bytes prove, and when to wait for better ones, is decided here.
//!
//! [`discover`] is the whole of it. Nothing here opens a file or a connection.

mod bootstrap;
mod cluster_info;
mod document;
mod error;
mod file;
mod in_force;
mod jws;
mod patience;
mod pinning;
mod token;
pub mod tokens;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "servers and files of tests"
)]
mod hostile;

use std::time::Duration;

use camino::Utf8Path;
use kubewright_config::model::Discovery;
use kubewright_config::{BootstrapToken, JoinConfiguration};
use kubewright_engine::{Failure, Report};
use kubewright_node::{Contents, DiscoveryBackend};
use time::OffsetDateTime;

pub use bootstrap::{Discovered, TLS_BOOTSTRAP_USER};
pub use cluster_info::{ClusterInfo, SIGNATURE_PREFIX};
pub use document::DocumentFault;
pub use error::DiscoveryError;
pub use jws::{sign, verify};
pub use pinning::Pinning;

/// What is to be found, and how long to look.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// How the cluster is found and trusted.
    pub discovery: &'a Discovery,
    /// The token for the kubelet's first certificate.
    pub tls_bootstrap_token: Option<&'a BootstrapToken>,
    /// How long each fetch may be tried (`timeouts.discovery`).
    pub limit: Duration,
}

impl<'a> From<&'a JoinConfiguration> for Wanted<'a> {
    fn from(join: &'a JoinConfiguration) -> Self {
        Self {
            discovery: &join.discovery,
            tls_bootstrap_token: join.tls_bootstrap_token.as_ref(),
            limit: join.timeouts.discovery,
        }
    }
}

/// Reads a file of this machine; `None` when it is absent.
pub type ReadFile<'a> = &'a (dyn Fn(&Utf8Path) -> Result<Option<Contents>, Failure> + Send + Sync);

/// What discovery may use of the world.
#[derive(Clone, Copy)]
pub struct Powers<'a> {
    /// Fetches.
    pub backend: &'a dyn DiscoveryBackend,
    /// Reads the discovery file and what it refers to.
    pub read: ReadFile<'a>,
    /// The time, which certificates are held against.
    pub now: OffsetDateTime,
    /// Where waits and warnings go; `None` looks in silence.
    pub report: Option<&'a Report>,
}

impl Powers<'_> {
    pub(crate) fn warn(&self, text: impl Into<String>) {
        if let Some(report) = self.report {
            report.warn(text);
        }
    }
}

/// Finds the cluster, makes sure that it is the right one, and gives what the kubelet's first certificate is asked for with.
///
/// # Errors
/// The cluster cannot be found in time, does not prove to be the right one, or there are no credentials.
pub async fn discover(wanted: &Wanted<'_>, powers: &Powers<'_>) -> Result<Discovered, DiscoveryError> {
    let found = match wanted.discovery {
        Discovery::Token(by) => token::find(by, wanted.limit, powers).await?,
        Discovery::File(location) => file::find(location, wanted.tls_bootstrap_token, wanted.limit, powers).await?,
    };
    bootstrap::finish(found, wanted.tls_bootstrap_token)
}
