//! The CoreDNS addon.

use askama::Template;
use kubewright_config::images::{self, Image};
use kubewright_config::{ClusterConfiguration, VersionFacts};
use serde_json::Value;

use crate::ManifestError;
use crate::render::{self, Expected, expect};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
/// The file's documents, in the order in which kubeadm creates them.
const DOCUMENTS: [Expected; 6] = [
    expect("v1", "ConfigMap", "coredns"),
    expect(RBAC, "ClusterRole", "system:coredns"),
    expect(RBAC, "ClusterRoleBinding", "system:coredns"),
    expect("v1", "ServiceAccount", "coredns"),
    expect("apps/v1", "Deployment", "coredns"),
    expect("v1", "Service", "kube-dns"),
];
/// The order of `--print-manifest`, as indices into the documents.
const PRINTED: [usize; 6] = [4, 0, 5, 1, 2, 3];
const DEFAULT_REPLICAS: u64 = 2;

/// Makes the addon's objects in the order in which they are to be created.
///
/// `replicas` is the number that an existing Deployment has, which stays.
///
/// # Errors
/// Only where the template is broken.
pub fn coredns(
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    replicas: Option<u64>,
) -> Result<Vec<Value>, ManifestError> {
    let mut objects = documents(cluster, facts, replicas)?;
    // The template has a version for whoever pipes it into a replacing client. Compared with a live object it would
    // always differ, and every run would write the Service again.
    for metadata in objects.iter_mut().filter_map(|object| object.get_mut("metadata")?.as_object_mut()) {
        metadata.remove("resourceVersion");
    }
    Ok(objects)
}

fn documents(
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    replicas: Option<u64>,
) -> Result<Vec<Value>, ManifestError> {
    let domain = cluster.networking.dns_domain.clone();
    let disable_cache = facts.coredns.cache_disabled_for_cluster && !domain.is_empty();
    let manifest = Manifest {
        corefile: render::text("Corefile", &Corefile { domain, disable_cache })?,
        image: images::reference(Image::Coredns, cluster, facts),
        address: cluster.dns_ip().to_string(),
        replicas: replicas.unwrap_or(DEFAULT_REPLICAS),
        role_nodes: facts.coredns.role_nodes,
        role_endpoint_slices: facts.coredns.role_endpoint_slices,
        anti_affinity: facts.coredns.anti_affinity,
        named_probe_ports: facts.coredns.named_probe_ports,
        tolerated_taints: facts.coredns.tolerated_taints.clone(),
        dropped_capability: facts.coredns.dropped_capability.clone(),
        service_label: facts.coredns.service_label.clone(),
    };
    render::documents("the CoreDNS addon", &manifest, &DOCUMENTS)
}

/// Makes the text of `init phase addon coredns --print-manifest`.
///
/// # Errors
/// Only where the template is broken.
pub fn coredns_manifest(cluster: &ClusterConfiguration, facts: &VersionFacts) -> Result<String, ManifestError> {
    let objects = documents(cluster, facts, None)?;
    Ok(render::printed(PRINTED.iter().filter_map(|index| objects.get(*index))))
}

#[derive(Template)]
#[template(path = "addons/Corefile", escape = "none")]
struct Corefile {
    domain: String,
    disable_cache: bool,
}

#[derive(Template)]
#[template(path = "addons/coredns.yaml")]
struct Manifest {
    corefile: String,
    image: String,
    address: String,
    replicas: u64,
    role_nodes: bool,
    role_endpoint_slices: bool,
    anti_affinity: bool,
    named_probe_ports: bool,
    tolerated_taints: Vec<String>,
    dropped_capability: String,
    service_label: String,
}

#[cfg(test)]
mod tests;
