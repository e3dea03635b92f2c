//! What `init phase addon … --print-manifest` prints: the addon's objects, without an API server, a lock or a journal.

use kubewright_config::{ClusterConfiguration, InitConfiguration, KubeProxyDoc, VersionFacts, yaml};
use kubewright_engine::{Failure, FailureContext};
use kubewright_manifests::patches::Target;
use kubewright_node::ProbeBackend;

use crate::patching::patch_printed;

/// The objects of CoreDNS, with the user's patches.
///
/// # Errors
/// The patches cannot be read, or do not fit.
pub fn coredns(
    init: &InitConfiguration,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    probe: &dyn ProbeBackend,
) -> Result<String, Failure> {
    let manifest = kubewright_manifests::coredns_manifest(cluster, facts)?;
    patched(manifest, Target::CorednsDeployment, "Deployment", init, facts, probe)
}

/// The objects of kube-proxy, with the user's patches.
///
/// # Errors
/// The patches cannot be read, or do not fit.
pub fn kube_proxy(
    init: &InitConfiguration,
    cluster: &ClusterConfiguration,
    document: &KubeProxyDoc,
    facts: &VersionFacts,
    probe: &dyn ProbeBackend,
) -> Result<String, Failure> {
    let manifest = kubewright_manifests::kube_proxy_manifest(cluster, document, &init.local_api_endpoint, facts)?;
    patched(manifest, Target::KubeProxyDaemonSet, "DaemonSet", init, facts, probe)
}

fn patched(
    manifest: String,
    target: Target,
    kind: &str,
    init: &InitConfiguration,
    facts: &VersionFacts,
    probe: &dyn ProbeBackend,
) -> Result<String, Failure> {
    if init.patches_directory.is_none() {
        return Ok(manifest);
    }
    let documents = yaml::documents(manifest.as_bytes()).context(format!("cannot patch the manifest for {target}"))?;
    let mut patched = String::new();
    for document in documents {
        let mut object = document.value().clone();
        if object["kind"] == kind {
            object = patch_printed(target, object, init, facts, probe)?;
        }
        patched += &format!("---\n{}", yaml::to_string(&object));
    }
    Ok(patched)
}
