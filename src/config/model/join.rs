//! JoinConfiguration: how a node finds and joins an existing cluster.

use camino::Utf8PathBuf;
use kubewright_value::Value;

use super::{ApiEndpoint, NodeRegistration, Timeouts};
use crate::facts::VersionFacts;
use crate::net::HostPort;
use crate::token::{BootstrapToken, CertificateKey};

/// The settings of one `join` on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinConfiguration {
    /// Whether nothing may change.
    pub dry_run: bool,
    /// How this node registers.
    pub node_registration: NodeRegistration,
    /// Whether nobody named taints, so that they are the cluster's version's.
    pub default_taints: bool,
    /// Where the cluster's authority is written.
    pub ca_cert_path: Utf8PathBuf,
    /// How the cluster is found and trusted.
    pub discovery: Discovery,
    /// Token for the kubelet's first certificate, unless the discovery file has credentials.
    pub tls_bootstrap_token: Option<BootstrapToken>,
    /// Present if the node becomes a control-plane node.
    pub control_plane: Option<JoinControlPlane>,
    /// Phases to leave out, as the file names them.
    pub skip_phases: Vec<String>,
    /// Directory of patches.
    pub patches_directory: Option<Utf8PathBuf>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl JoinConfiguration {
    /// Corrects what depends on the version, now that the cluster's is known.
    #[must_use]
    pub fn for_cluster(mut self, facts: &VersionFacts) -> Self {
        if self.default_taints && self.control_plane.is_some() {
            self.node_registration.taints = facts.node.default_taints();
        }
        self
    }
}

impl Value for JoinConfiguration {
    const NAME: &'static str = "JoinConfiguration";
}

/// How the cluster is found and trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovery {
    /// A token and, usually, the authority's hash.
    Token(BootstrapTokenDiscovery),
    /// A kubeconfig: a path, or an https URL.
    File(String),
}

/// Discovery through the ConfigMap `cluster-info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapTokenDiscovery {
    /// Token that validates the ConfigMap's signature.
    pub token: BootstrapToken,
    /// Any API server of the cluster.
    pub api_server_endpoint: HostPort,
    /// `sha256:<hex>` of the authority's public key; any of them may match.
    pub ca_cert_hashes: Vec<String>,
    /// Trusts the ConfigMap without a hash.
    pub unsafe_skip_ca_verification: bool,
}

/// What a new control-plane node needs on top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinControlPlane {
    /// Where its API server listens.
    pub local_api_endpoint: ApiEndpoint,
    /// Key that decrypts the secret `kubeadm-certs`.
    pub certificate_key: Option<CertificateKey>,
}
