//! JoinConfiguration of v1beta4.

use super::init::{ApiEndpoint, NodeRegistrationOptions, Patches, Timeouts};
use crate::token::SecretText;
use crate::wire::wire;

wire! {
    /// Settings of one `join` on one node.
    JoinConfiguration [join] {
        /// Tells what would be done, and changes nothing.
        "dryRun" dry_run: bool,
        /// How this node registers.
        "nodeRegistration" node_registration: NodeRegistrationOptions,
        /// Where the cluster's authority is written; /etc/kubernetes/pki/ca.crt by default.
        "caCertPath" ca_cert_path: String [certificate_path],
        /// How the cluster is found and trusted.
        "discovery" discovery: Discovery,
        /// Makes the node a control-plane node.
        "controlPlane" control_plane: Option<JoinControlPlane>,
        /// Phases to leave out. The flag --skip-phases wins over it.
        "skipPhases" skip_phases: Vec<String>,
        /// Patches of static pods and of the kubelet's configuration.
        "patches" patches: Option<Patches>,
        /// How long to wait for what.
        "timeouts" timeouts: Option<Timeouts>,
    }

    /// What a new control-plane node needs on top.
    JoinControlPlane {
        /// Where its API server listens.
        "localAPIEndpoint" local_api_endpoint: ApiEndpoint,
        /// Key that decrypts the uploaded certificates, as `init` told it.
        "certificateKey" certificate_key: SecretText [certificate_key],
    }

    /// How the cluster is found and trusted: by a token or by a file.
    Discovery [discovery] {
        /// By a token that the cluster knows.
        "bootstrapToken" bootstrap_token: Option<BootstrapTokenDiscovery>,
        /// By a kubeconfig that names the cluster.
        "file" file: Option<FileDiscovery>,
        /// Token for the kubelet's first certificate; that of bootstrapToken by default.
        "tlsBootstrapToken" tls_bootstrap_token: SecretText [token],
    }

    /// Discovery by a token.
    BootstrapTokenDiscovery [bootstrap_token_discovery] {
        /// Token that the cluster signed its address with.
        "token" token: SecretText = keep [token],
        /// Any API server of the cluster, `host:port`.
        "apiServerEndpoint" api_server_endpoint: String [endpoint_with_port],
        /// Hashes of the authority's public key, `sha256:<hexadecimal>`; any of them may match.
        "caCertHashes" ca_cert_hashes: Vec<String> [public_key_hash],
        /// Trusts the cluster without a hash. Whoever knows the token could pose as it.
        "unsafeSkipCAVerification" unsafe_skip_ca_verification: bool,
    }

    /// Discovery by a file.
    FileDiscovery [file_discovery] {
        /// Path or https URL of a kubeconfig.
        "kubeConfigPath" kube_config_path: String = keep,
    }
}
