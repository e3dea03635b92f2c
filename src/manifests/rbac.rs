//! Roles and bindings that let nodes join and administrators in.

use askama::Template;
use kubewright_config::VersionFacts;
use serde_json::Value;

use crate::ManifestError;
use crate::render::{self, Expected, expect};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
/// Group of `admin.conf` that gets its power from a binding; `system:masters` has it by itself.
const CLUSTER_ADMINS: &str = "kubeadm:cluster-admins";

/// Makes what joining nodes need besides their token, in the order in which kubeadm creates it.
///
/// # Errors
/// Only where a template is broken.
pub fn bootstrap(facts: &VersionFacts) -> Result<Vec<Value>, ManifestError> {
    let mut objects = render::documents(
        "the roles of joining nodes",
        &BootstrapToken {},
        &[
            expect(RBAC, "ClusterRole", "kubeadm:get-nodes"),
            expect(RBAC, "ClusterRoleBinding", "kubeadm:get-nodes"),
            expect(RBAC, "ClusterRoleBinding", "kubeadm:kubelet-bootstrap"),
            expect(RBAC, "ClusterRoleBinding", "kubeadm:node-autoapprove-bootstrap"),
            expect(RBAC, "ClusterRoleBinding", "kubeadm:node-autoapprove-certificate-rotation"),
        ],
    )?;
    if facts.credentials.kubelet_client_binding {
        let expected = expect(RBAC, "ClusterRoleBinding", "kubeadm:apiserver-kubelet-client");
        objects.push(render::document("the API server's role", &ApiserverKubeletClient {}, expected)?);
    }
    Ok(objects)
}

/// Makes the binding that gives `admin.conf` its power, where its group has none by itself.
///
/// # Errors
/// Only where the template is broken.
pub fn cluster_admins(facts: &VersionFacts) -> Result<Option<Value>, ManifestError> {
    if facts.credentials.admin_organization != CLUSTER_ADMINS {
        return Ok(None);
    }
    let expected = expect(RBAC, "ClusterRoleBinding", CLUSTER_ADMINS);
    render::document("the administrators' role", &ClusterAdmins {}, expected).map(Some)
}

/// Makes the Role and RoleBinding for reading `kubeadm-config`.
pub(crate) fn kubeadm_config() -> Result<Vec<Value>, ManifestError> {
    pair(&KubeadmConfig {}, Some("kubeadm:nodes-kubeadm-config"))
}

/// Makes the Role and RoleBinding for reading the kubelet's ConfigMap.
pub(crate) fn kubelet_config(facts: &VersionFacts) -> Result<Vec<Value>, ManifestError> {
    let config_map = facts.kubelet.config_map.clone();
    pair(&KubeletConfig { role: format!("kubeadm:{config_map}"), config_map }, None)
}

/// Makes the Role and RoleBinding for reading `kubeadm-certs`.
pub(crate) fn kubeadm_certs() -> Result<Vec<Value>, ManifestError> {
    pair(&KubeadmCerts {}, Some("kubeadm:kubeadm-certs"))
}

/// Makes the Role and RoleBinding for reading `cluster-info`.
pub(crate) fn cluster_info() -> Result<Vec<Value>, ManifestError> {
    pair(&ClusterInfo {}, Some("kubeadm:bootstrap-signer-clusterinfo"))
}

fn pair(template: &impl Template, name: Option<&'static str>) -> Result<Vec<Value>, ManifestError> {
    let expected = [Expected { kind: (RBAC, "Role"), name }, Expected { kind: (RBAC, "RoleBinding"), name }];
    render::documents("a role and its binding", template, &expected)
}

#[derive(Template)]
#[template(path = "rbac/bootstrap-token.yaml")]
struct BootstrapToken {}

#[derive(Template)]
#[template(path = "rbac/apiserver-kubelet-client.yaml")]
struct ApiserverKubeletClient {}

#[derive(Template)]
#[template(path = "rbac/cluster-admins.yaml")]
struct ClusterAdmins {}

#[derive(Template)]
#[template(path = "rbac/kubeadm-config.yaml")]
struct KubeadmConfig {}

#[derive(Template)]
#[template(path = "rbac/kubelet-config.yaml")]
struct KubeletConfig {
    role: String,
    config_map: String,
}

#[derive(Template)]
#[template(path = "rbac/kubeadm-certs.yaml")]
struct KubeadmCerts {}

#[derive(Template)]
#[template(path = "rbac/cluster-info.yaml")]
struct ClusterInfo {}

#[cfg(test)]
mod tests;
