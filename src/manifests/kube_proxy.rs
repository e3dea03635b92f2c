//! The kube-proxy addon.

use askama::Template;
use kubewright_config::component::config_hash;
use kubewright_config::images::{self, Image};
use kubewright_config::model::ApiEndpoint;
use kubewright_config::{ClusterConfiguration, KubeProxyDoc, VersionFacts};
use serde_json::Value;

use crate::ManifestError;
use crate::environment::{self, Variable};
use crate::render::{self, Expected, expect};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
/// The file's documents, in the order in which kubeadm creates them.
const DOCUMENTS: [Expected; 6] = [
    expect("v1", "ConfigMap", "kube-proxy"),
    expect("apps/v1", "DaemonSet", "kube-proxy"),
    expect("v1", "ServiceAccount", "kube-proxy"),
    expect(RBAC, "ClusterRoleBinding", "kubeadm:node-proxier"),
    expect(RBAC, "Role", "kube-proxy"),
    expect(RBAC, "RoleBinding", "kube-proxy"),
];
/// The order of `--print-manifest`, as indices into the documents.
const PRINTED: [usize; 6] = [2, 3, 4, 5, 0, 1];

/// Makes the addon's objects in the order in which they are to be created.
///
/// # Errors
/// Only where the template is broken.
pub fn kube_proxy(
    cluster: &ClusterConfiguration,
    document: &KubeProxyDoc,
    local: &ApiEndpoint,
    facts: &VersionFacts,
    proxy_environment: &[(String, String)],
) -> Result<Vec<Value>, ManifestError> {
    let env = environment::merge(proxy_environment, &[]);
    objects(cluster, document, local, facts, env, !document.user_supplied)
}

/// Makes the text of `init phase addon kube-proxy --print-manifest`: without the hash and the machine's proxies.
///
/// # Errors
/// Only where the template is broken.
pub fn kube_proxy_manifest(
    cluster: &ClusterConfiguration,
    document: &KubeProxyDoc,
    local: &ApiEndpoint,
    facts: &VersionFacts,
) -> Result<String, ManifestError> {
    let objects = objects(cluster, document, local, facts, Vec::new(), false)?;
    Ok(render::printed(PRINTED.iter().filter_map(|index| objects.get(*index))))
}

fn objects(
    cluster: &ClusterConfiguration,
    document: &KubeProxyDoc,
    local: &ApiEndpoint,
    facts: &VersionFacts,
    env: Vec<Variable>,
    hashed: bool,
) -> Result<Vec<Value>, ManifestError> {
    let config = document.config_map_yaml();
    let server = cluster.endpoint(local).url();
    let kubeconfig = render::text("kube-proxy's kubeconfig", &Kubeconfig { server })?;
    let hash = hashed.then(|| config_hash([config.as_bytes(), kubeconfig.as_bytes()]));
    let image = images::reference(Image::KubeProxy, cluster, facts);
    let critical_addons = facts.kube_proxy.critical_addons_toleration;
    let manifest = Manifest { config, kubeconfig, hash, image, env, critical_addons };
    render::documents("the kube-proxy addon", &manifest, &DOCUMENTS)
}

/// The text goes into the hash that kubeadm compares on upgrade, so its bytes count.
#[derive(Template)]
#[template(path = "addons/kube-proxy-kubeconfig.conf", escape = "none")]
struct Kubeconfig {
    server: String,
}

#[derive(Template)]
#[template(path = "addons/kube-proxy.yaml")]
struct Manifest {
    config: String,
    kubeconfig: String,
    hash: Option<String>,
    image: String,
    env: Vec<Variable>,
    critical_addons: bool,
}

#[cfg(test)]
mod tests;
