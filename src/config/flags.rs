//! The flags of `init` as plain fields, and how they become a configuration.

use crate::token::SecretText;

/// Every flag of `init` and its phases; `None` or empty means that it was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InitFlags {
    /// `--apiserver-advertise-address`.
    pub apiserver_advertise_address: Option<String>,
    /// `--apiserver-bind-port`.
    pub apiserver_bind_port: Option<i32>,
    /// `--apiserver-cert-extra-sans`.
    pub apiserver_cert_extra_sans: Option<Vec<String>>,
    /// `--cert-dir`.
    pub cert_dir: Option<String>,
    /// `--certificate-key`.
    pub certificate_key: Option<SecretText>,
    /// `--control-plane-endpoint`.
    pub control_plane_endpoint: Option<String>,
    /// `--cri-socket`.
    pub cri_socket: Option<String>,
    /// `--dry-run`.
    pub dry_run: Option<bool>,
    /// `--feature-gates`, as `name=bool,…`.
    pub feature_gates: Option<String>,
    /// `--ignore-preflight-errors`.
    pub ignore_preflight_errors: Option<Vec<String>>,
    /// `--image-repository`.
    pub image_repository: Option<String>,
    /// `--kubernetes-version`.
    pub kubernetes_version: Option<String>,
    /// `--node-name`.
    pub node_name: Option<String>,
    /// `--patches`.
    pub patches: Option<String>,
    /// `--pod-network-cidr`.
    pub pod_network_cidr: Option<String>,
    /// `--service-cidr`.
    pub service_cidr: Option<String>,
    /// `--service-dns-domain`.
    pub service_dns_domain: Option<String>,
    /// `--token`.
    pub token: Option<SecretText>,
    /// `--token-ttl`, as a Go duration.
    pub token_ttl: Option<String>,
    /// `--apiserver-extra-args`, each `k=v,…`.
    pub apiserver_extra_args: Vec<String>,
    /// `--controller-manager-extra-args`, each `k=v,…`.
    pub controller_manager_extra_args: Vec<String>,
    /// `--scheduler-extra-args`, each `k=v,…`.
    pub scheduler_extra_args: Vec<String>,
    /// Other flags that were given and that `--config` excludes, by name without dashes (for example `vmodule`).
    pub other_excluded: Vec<String>,
    /// Set where the command has no `--cri-socket`: the default socket is taken without a look at the machine.
    pub skip_cri_detection: bool,
}

impl InitFlags {
    /// Returns the names of given flags that cannot stand beside `--config`, sorted.
    pub fn excluded_by_config(&self) -> Vec<&str> {
        let given = [
            ("apiserver-advertise-address", self.apiserver_advertise_address.is_some()),
            ("apiserver-bind-port", self.apiserver_bind_port.is_some()),
            ("apiserver-cert-extra-sans", self.apiserver_cert_extra_sans.is_some()),
            ("apiserver-extra-args", !self.apiserver_extra_args.is_empty()),
            ("cert-dir", self.cert_dir.is_some()),
            ("certificate-key", self.certificate_key.is_some()),
            ("control-plane-endpoint", self.control_plane_endpoint.is_some()),
            ("controller-manager-extra-args", !self.controller_manager_extra_args.is_empty()),
            ("cri-socket", self.cri_socket.is_some()),
            ("feature-gates", self.feature_gates.is_some()),
            ("image-repository", self.image_repository.is_some()),
            ("kubernetes-version", self.kubernetes_version.is_some()),
            ("patches", self.patches.is_some()),
            ("pod-network-cidr", self.pod_network_cidr.is_some()),
            ("scheduler-extra-args", !self.scheduler_extra_args.is_empty()),
            ("service-cidr", self.service_cidr.is_some()),
            ("service-dns-domain", self.service_dns_domain.is_some()),
            ("token", self.token.is_some()),
            ("token-ttl", self.token_ttl.is_some()),
        ];
        let mut names: Vec<&str> = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
        names.extend(self.other_excluded.iter().map(String::as_str));
        names.sort_unstable();
        names
    }
}
