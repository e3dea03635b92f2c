//! Values of fields that nobody set and that depend on nothing.

use std::time::Duration;

use crate::model::Timeouts;
use crate::v1beta4;

pub(crate) const CLUSTER_NAME: &str = "kubernetes";
pub(crate) const CERTIFICATES_DIR: &str = "/etc/kubernetes/pki";
pub(crate) const CA_CERT_PATH: &str = "/etc/kubernetes/pki/ca.crt";
pub(crate) const ETCD_DATA_DIR: &str = "/var/lib/etcd";
pub(crate) const SERVICE_SUBNET: &str = "10.96.0.0/12";
pub(crate) const DNS_DOMAIN: &str = "cluster.local";
pub(crate) const VERSION_LABEL: &str = "stable-1";
pub(crate) const BIND_PORT: u16 = 6443;
/// `timeoutForControlPlane` of v1beta3 and older.
pub(crate) const OLD_API_SERVER_TIMEOUT: Duration = Duration::from_secs(240);
pub(crate) const TOKEN_TTL: Duration = Duration::from_secs(24 * 3600);
pub(crate) const TOKEN_USAGES: [&str; 2] = ["signing", "authentication"];
pub(crate) const TOKEN_GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";
pub(crate) const CERTIFICATE_VALIDITY: Duration = Duration::from_secs(365 * 24 * 3600);
pub(crate) const CA_VALIDITY: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Fills an empty text.
pub(crate) fn text(text: &mut String, default: &str) {
    if text.is_empty() {
        default.clone_into(text);
    }
}

/// Fills the fields of a cluster that nobody set.
pub(crate) fn cluster(cluster: &mut v1beta4::ClusterConfiguration) {
    text(&mut cluster.cluster_name, CLUSTER_NAME);
    text(&mut cluster.certificates_dir, CERTIFICATES_DIR);
    text(&mut cluster.networking.service_subnet, SERVICE_SUBNET);
    text(&mut cluster.networking.dns_domain, DNS_DOMAIN);
    text(&mut cluster.kubernetes_version, VERSION_LABEL);
    if cluster.etcd.local.is_none() && cluster.etcd.external.is_none() {
        cluster.etcd.local = Some(v1beta4::LocalEtcd::default());
    }
    if let Some(local) = &mut cluster.etcd.local {
        text(&mut local.data_dir, ETCD_DATA_DIR);
    }
    if let Some(external) = &mut cluster.etcd.external
        && external.http_endpoints.is_empty()
    {
        external.http_endpoints.clone_from(&external.endpoints);
    }
}

/// Returns the timeouts with those that nobody set.
pub(crate) fn timeouts(given: Option<v1beta4::Timeouts>) -> Timeouts {
    let given = given.unwrap_or_default();
    let all = Timeouts::default();
    Timeouts {
        control_plane_component_health_check: given
            .control_plane_component_health_check
            .unwrap_or(all.control_plane_component_health_check),
        kubelet_health_check: given.kubelet_health_check.unwrap_or(all.kubelet_health_check),
        kubernetes_api_call: given.kubernetes_api_call.unwrap_or(all.kubernetes_api_call),
        etcd_api_call: given.etcd_api_call.unwrap_or(all.etcd_api_call),
        tls_bootstrap: given.tls_bootstrap.unwrap_or(all.tls_bootstrap),
        discovery: given.discovery.unwrap_or(all.discovery),
        upgrade_manifests: given.upgrade_manifests.unwrap_or(all.upgrade_manifests),
    }
}
