//! The flags of `join` as plain fields, and how they become a document. kubeadm: `cmd/join.go`.

use crate::error::ConfigError;
use crate::flags::bind_port;
use crate::reading::Reading;
use crate::token::SecretText;
use crate::v1beta4;

/// Every flag of `join` and its phases; `None` or empty means that it was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinFlags {
    /// The argument: any API server of the cluster.
    pub endpoint: Option<String>,
    /// `--apiserver-advertise-address`.
    pub apiserver_advertise_address: Option<String>,
    /// `--apiserver-bind-port`.
    pub apiserver_bind_port: Option<i32>,
    /// `--certificate-key`.
    pub certificate_key: Option<SecretText>,
    /// `--control-plane`.
    pub control_plane: bool,
    /// `--cri-socket`.
    pub cri_socket: Option<String>,
    /// `--discovery-file`, or what stands for it.
    pub discovery_file: Option<String>,
    /// `--discovery-token`.
    pub discovery_token: Option<SecretText>,
    /// `--discovery-token-ca-cert-hash`.
    pub discovery_token_ca_cert_hash: Vec<String>,
    /// `--discovery-token-unsafe-skip-ca-verification`.
    pub discovery_token_unsafe_skip_ca_verification: bool,
    /// `--dry-run`.
    pub dry_run: Option<bool>,
    /// `--ignore-preflight-errors`.
    pub ignore_preflight_errors: Option<Vec<String>>,
    /// `--node-name`.
    pub node_name: Option<String>,
    /// `--patches`.
    pub patches: Option<String>,
    /// `--tls-bootstrap-token`.
    pub tls_bootstrap_token: Option<SecretText>,
    /// `--token`.
    pub token: Option<SecretText>,
    /// Set where the command has no `--cri-socket`: the default socket is taken without a look at the machine.
    pub skip_cri_detection: bool,
    /// `--strict`, ours: what the file has no meaning for is an error.
    pub strict: bool,
}

impl JoinFlags {
    /// Tells how a file is read.
    pub(crate) fn reading(&self) -> Reading {
        Reading { strict: self.strict, ..Reading::default() }
    }

    /// Turns the flags into a document, as if a file had named them.
    pub(crate) fn document(&self, errors: &mut Vec<ConfigError>) -> v1beta4::JoinConfiguration {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        // As kubeadm: the discovery token stands for the other one too, before `--token` fills what is left.
        let tls = [&self.tls_bootstrap_token, &self.discovery_token, &self.token].into_iter().find_map(Clone::clone);
        let discovery_token = self.discovery_token.clone().or_else(|| self.token.clone());
        // Without an endpoint there is nobody to show a token to.
        let by_token = self.endpoint.as_ref().map(|endpoint| v1beta4::BootstrapTokenDiscovery {
            token: discovery_token.unwrap_or_default(),
            api_server_endpoint: endpoint.clone(),
            ca_cert_hashes: self.discovery_token_ca_cert_hash.clone(),
            unsafe_skip_ca_verification: self.discovery_token_unsafe_skip_ca_verification,
        });
        let by_file = self.discovery_file.clone().map(|kube_config_path| v1beta4::FileDiscovery { kube_config_path });
        v1beta4::JoinConfiguration {
            node_registration: v1beta4::NodeRegistrationOptions {
                name: text(&self.node_name),
                cri_socket: text(&self.cri_socket),
                ..v1beta4::NodeRegistrationOptions::default()
            },
            discovery: v1beta4::Discovery {
                bootstrap_token: by_token,
                file: by_file,
                tls_bootstrap_token: tls.unwrap_or_default(),
            },
            control_plane: self.control_plane.then(|| v1beta4::JoinControlPlane {
                local_api_endpoint: v1beta4::ApiEndpoint {
                    advertise_address: text(&self.apiserver_advertise_address),
                    bind_port: bind_port(self.apiserver_bind_port, errors),
                },
                certificate_key: self.certificate_key.clone().unwrap_or_default(),
            }),
            patches: self.patches.clone().map(|directory| v1beta4::Patches { directory }),
            ..v1beta4::JoinConfiguration::default()
        }
    }
}

/// Names the flag that sets a field, for errors about settings that no file names.
pub(crate) fn flag_of(field: &str) -> Option<&'static str> {
    const FLAGS: [(&str, &str); 10] = [
        ("controlPlane.localAPIEndpoint.advertiseAddress", "--apiserver-advertise-address"),
        ("controlPlane.localAPIEndpoint.bindPort", "--apiserver-bind-port"),
        ("controlPlane.certificateKey", "--certificate-key"),
        ("nodeRegistration.criSocket", "--cri-socket"),
        ("nodeRegistration.ignorePreflightErrors", "--ignore-preflight-errors"),
        ("nodeRegistration.name", "--node-name"),
        ("discovery.bootstrapToken.token", "--discovery-token or --token"),
        ("discovery.bootstrapToken.caCertHashes", "--discovery-token-ca-cert-hash"),
        ("discovery.file.kubeConfigPath", "--discovery-file"),
        ("discovery.tlsBootstrapToken", "--tls-bootstrap-token or --token"),
    ];
    FLAGS.iter().find(|(prefix, _)| field.starts_with(prefix)).map(|(_, flag)| *flag)
}
