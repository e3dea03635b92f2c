//! What the cluster stores of itself, in its new version.

use kubewright_config::store;
use kubewright_manifests::uploads;

use super::UpgradedCluster;
use crate::cluster_status::kubeadm_config;
use crate::prelude::*;
use crate::registration::annotate_socket;

/// Stores the ClusterConfiguration. Other keys of the ConfigMap stay.
///
/// # Errors
/// The API server refuses it.
pub async fn kubeadm(found: &UpgradedCluster, kube: &Kube, report: &Report) -> Result<(), Failure> {
    let UpgradedCluster { init, cluster, facts, admin, .. } = found;
    report.note(
        "upload-config",
        "Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace",
    );
    let timeout = init.timeouts.control_plane_component_health_check;
    let text = store::cluster_configuration_yaml(cluster, facts, timeout);
    store_text(found, &text, facts, kube, report).await?;
    for object in uploads::kubeadm_config(cluster, facts, timeout, &Default::default())? {
        if object["kind"] != "ConfigMap" {
            kube.apply(&admin.0, &object, report).await?;
        }
    }
    Ok(())
}

/// Writes the key `ClusterConfiguration`, and takes the list of API servers out where the version has none.
///
/// # Errors
/// The API server refuses it.
pub async fn store_text(
    found: &UpgradedCluster,
    text: &str,
    facts: &VersionFacts,
    kube: &Kube,
    report: &Report,
) -> Result<(), Failure> {
    let lists = facts.api.cluster_status;
    kube.change(&found.admin.0, &kubeadm_config(), report, |live| {
        let data = live.get("data")?;
        let stale = !lists && data.get("ClusterStatus").is_some();
        if data.get("ClusterConfiguration").and_then(|now| now.as_str()) == Some(text) && !stale {
            return None;
        }
        let mut changed = live.clone();
        let data = changed.get_mut("data")?.as_object_mut()?;
        data.insert("ClusterConfiguration".into(), text.into());
        if stale {
            data.remove("ClusterStatus");
        }
        Some(changed)
    })
    .await
}

/// Stores the kubelets' document, under the name that the new version has for it.
///
/// # Errors
/// The API server refuses it.
pub async fn kubelet(found: &UpgradedCluster, kube: &Kube, report: &Report) -> Result<(), Failure> {
    let UpgradedCluster { init, facts, admin, kubelet, .. } = found;
    let name = &facts.kubelet.config_map;
    report.note(
        "kubelet",
        format!("Creating a ConfigMap \"{name}\" in namespace kube-system with the configuration for the kubelets in the cluster"),
    );
    for object in uploads::kubelet_config(kubelet, facts)? {
        kube.apply(&admin.0, &object, report).await?;
    }
    if facts.node.cri_socket_annotation {
        annotate_socket(kube, admin, init, report).await?;
    }
    Ok(())
}
