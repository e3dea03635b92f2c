//! What kubeadm versions do differently in the certificates they write.

use std::time::Duration;

/// The habits of the Kubernetes version being served, as plain facts.
///
/// The caller fills this from its version table; nothing here knows a version number.
/// [`Conventions::default`] is what kubeadm 1.36.2 and later write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conventions {
    /// Leaves say `CA:FALSE`. False in 1.20, where they lack the extension.
    pub leaf_basic_constraints: bool,
    /// Authorities carry their common name as a DNS name. False in 1.20.
    pub ca_dns_san: bool,
    /// Authorities have the serial number 0. True up to 1.27.
    pub ca_serial_zero: bool,
    /// How far before now certificates begin; five minutes since 1.28, zero before.
    pub backdate: Duration,
    /// Leaves in files begin when their authority does, as those in kubeconfigs always do. True up to 1.30.
    pub leaf_starts_with_ca: bool,
    /// Organization of the API server's client certificate for kubelets.
    ///
    /// `system:masters`, then `kubeadm:cluster-admins` (1.29), then none (1.36.1 and backports).
    pub kubelet_client_organization: Option<String>,
    /// Organization of the two etcd client certificates; `system:masters` in old versions.
    pub etcd_client_organization: Option<String>,
    /// Organization of the user in `admin.conf`.
    ///
    /// `kubeadm:cluster-admins` since 1.29, `system:masters` before.
    pub admin_organization: String,
}

impl Default for Conventions {
    fn default() -> Self {
        Self {
            leaf_basic_constraints: true,
            ca_dns_san: true,
            ca_serial_zero: false,
            backdate: Duration::from_secs(5 * 60),
            leaf_starts_with_ca: false,
            kubelet_client_organization: None,
            etcd_client_organization: None,
            admin_organization: "kubeadm:cluster-admins".to_owned(),
        }
    }
}
