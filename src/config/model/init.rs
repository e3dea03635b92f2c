//! InitConfiguration: what belongs to this node and this run.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use camino::Utf8PathBuf;
use kubewright_value::Value;

use super::Arg;
use crate::net::HostPort;
use crate::token::{BootstrapToken, CertificateKey};

/// The settings of one `init` on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitConfiguration {
    /// Tokens to create; at least one.
    pub bootstrap_tokens: Vec<BootstrapTokenEntry>,
    /// Whether nothing may change.
    pub dry_run: bool,
    /// How this node registers.
    pub node_registration: NodeRegistration,
    /// Where this node's API server listens.
    pub local_api_endpoint: ApiEndpoint,
    /// Key for the secret `kubeadm-certs`; made on demand if absent.
    pub certificate_key: Option<CertificateKey>,
    /// Phases to leave out, as the file names them; the command line wins over it.
    pub skip_phases: Vec<String>,
    /// Directory of patches.
    pub patches_directory: Option<Utf8PathBuf>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl Value for InitConfiguration {
    const NAME: &'static str = "InitConfiguration";
}

/// A bootstrap token to create, with what it may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapTokenEntry {
    /// The token; generated if the file named none.
    pub token: BootstrapToken,
    /// What it is for; may be empty.
    pub description: String,
    /// Lifetime from creation; zero never expires; `None` only if `expires` is set.
    pub ttl: Option<Duration>,
    /// Moment of expiry in RFC 3339, UTC.
    pub expires: Option<String>,
    /// Some of `signing` and `authentication`.
    pub usages: Vec<String>,
    /// Groups that the token authenticates as.
    pub groups: Vec<String>,
}

/// Where an API server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiEndpoint {
    /// Address that others reach it at.
    pub advertise_address: IpAddr,
    /// Port that it binds, 6443 by default.
    pub bind_port: u16,
}

impl ApiEndpoint {
    /// Returns the endpoint as host and port.
    pub fn host_port(&self) -> HostPort {
        HostPort::new(self.advertise_address.to_string(), self.bind_port)
    }

    /// Returns `https://address:port`, with brackets around an IPv6 address.
    pub fn url(&self) -> String {
        format!("https://{}", SocketAddr::new(self.advertise_address, self.bind_port))
    }
}

/// How a node registers with the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRegistration {
    /// Name of the Node object.
    pub name: String,
    /// Container runtime's socket, as a URL (`unix:///…`).
    pub cri_socket: String,
    /// Taints of the Node; an empty list means none.
    pub taints: Vec<Taint>,
    /// Flags for the kubelet.
    pub kubelet_extra_args: Vec<Arg>,
    /// Names of checks whose errors are warnings, lower-case and sorted; may be just `all`.
    pub ignore_preflight_errors: Vec<String>,
    /// When images are pulled.
    pub image_pull_policy: ImagePullPolicy,
    /// Whether images are pulled one after the other.
    pub image_pull_serial: bool,
    /// The name to give to the kubelet, where it differs from the operating system's lower-case host name.
    pub hostname_override: Option<String>,
}

/// A taint in core/v1's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Key of the taint.
    pub key: String,
    /// Value, often empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

impl std::fmt::Display for Taint {
    /// Writes `key[=value]:effect`, as kubeadm prints taints.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.value.as_str() {
            "" => write!(f, "{}:{}", self.key, self.effect),
            value => write!(f, "{}={value}:{}", self.key, self.effect),
        }
    }
}

/// When images are pulled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// Even if they are there.
    Always,
    /// If they are missing, the default.
    #[default]
    IfNotPresent,
    /// They must be there.
    Never,
}

impl ImagePullPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Always, Self::IfNotPresent, Self::Never];

    /// Returns core/v1's name of the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }

    /// Finds the policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == name)
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// For each control-plane component to be healthy; 4 minutes.
    pub control_plane_component_health_check: Duration,
    /// For the kubelet to be healthy; 4 minutes.
    pub kubelet_health_check: Duration,
    /// For an API call with its retries; 1 minute.
    pub kubernetes_api_call: Duration,
    /// For an etcd call with its retries; 2 minutes.
    pub etcd_api_call: Duration,
    /// For the kubelet's TLS bootstrap; 5 minutes.
    pub tls_bootstrap: Duration,
    /// For discovery; 5 minutes.
    pub discovery: Duration,
    /// For upgraded static pods to be restarted; 5 minutes.
    pub upgrade_manifests: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self {
            control_plane_component_health_check: minutes(4),
            kubelet_health_check: minutes(4),
            kubernetes_api_call: minutes(1),
            etcd_api_call: minutes(2),
            tls_bootstrap: minutes(5),
            discovery: minutes(5),
            upgrade_manifests: minutes(5),
        }
    }
}
