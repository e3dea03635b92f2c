//! What the command line says of a renewal.

use std::time::Duration;

use kubewright_value::Value;

use super::Managed;

/// Flags of `certs renew`, and where the configuration came from.
#[derive(Debug, Clone)]
pub struct RenewOptions {
    /// Which certificates.
    pub chosen: Vec<Managed>,
    /// `--if-expires-within`; without it everything is renewed, however long it holds.
    pub expires_within: Option<Duration>,
    /// Whether components are restarted, so that what was renewed for them is noted until they are.
    pub restart: bool,
    /// Whether the configuration was read. Without one a new key is of the old one's kind.
    pub configured: bool,
    /// How long a component may take to be well after its restart.
    pub patience: Duration,
}

/// As long as kubeadm waits for a component of the control plane.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(240);

impl Value for RenewOptions {
    const NAME: &'static str = "renew-flags";
}
