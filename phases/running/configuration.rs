//! The configuration that a cluster stores: its own, the kubelets' and kube-proxy's.

use kubewright_config::component::StoredComponent;
use kubewright_config::model::{ApiEndpoint, Timeouts};
use kubewright_config::{KubernetesVersion, facts_for, store, stored_cluster};
use kubewright_node::{KubeAccess, ObjectRef};
use serde_json::Value as Json;

use crate::asking::{Asking, entry};
use crate::cluster_status::{known_endpoints, kubeadm_config};
use crate::prelude::*;

const HASH: &str = "/metadata/annotations/kubeadm.kubernetes.io~1component-config.hash";

/// What a cluster stores, as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredConfiguration {
    /// The cluster's configuration as it is written.
    pub text: String,
    /// The same, with the version that it was last brought to.
    pub cluster: ClusterConfiguration,
    /// What depends on that version.
    pub facts: VersionFacts,
    /// The kubelets' document.
    pub kubelet: StoredComponent,
    /// kube-proxy's; `None` where the cluster has none, or it may not be read.
    pub kube_proxy: Option<StoredComponent>,
    /// The API servers that clusters of 1.20 and 1.21 list beside it, by the node's name.
    pub listed_endpoints: std::collections::BTreeMap<String, ApiEndpoint>,
}

/// Who reads it, and so whether kube-proxy's part may be one that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Whoever writes kube-proxy's part anew must have read it.
    Writer,
    /// A worker's kubelet may be forbidden to read it, and can do without, as who only looks can.
    Looker,
}

/// Reads it.
///
/// # Errors
/// One of the ConfigMaps is not there or lacks its key, or what it holds cannot be read.
pub async fn read(access: &KubeAccess, asking: Asking<'_>, reader: Reader) -> Result<StoredConfiguration, Failure> {
    let name = kubeadm_config();
    let stored = asking.get(access, &name).await.context("failed to get config map").hint(
        "if it was lost, write it anew from the file of `init`: `init phase upload-config kubeadm --config FILE`",
    )?;
    let text = entry(&stored, "ClusterConfiguration", &name)?;
    let (cluster, facts) =
        stored_cluster(text.as_bytes()).context(format!("failed to decode cluster configuration data of {name}"))?;
    let listed_endpoints = known_endpoints(&stored);
    let name = config_map(&facts.kubelet.config_map);
    let kubelet = asking.get(access, &name).await.context("failed to get component configs")?;
    let kubelet = component(&kubelet, "kubelet", &name)?;
    let name = config_map("kube-proxy");
    let kube_proxy = match asking.find(access, &name).await {
        Ok(Some(found)) => Some(component(&found, "config.conf", &name)?),
        Ok(None) => None,
        Err(failure) if reader == Reader::Writer => {
            return Err(failure.context("cannot read kube-proxy's configuration"));
        }
        Err(_) => None,
    };
    Ok(StoredConfiguration { text: text.to_owned(), cluster, facts, kubelet, kube_proxy, listed_endpoints })
}

/// A cluster that has the facts of one version, brought to another; with what depends on that.
///
/// # Errors
/// The version is none that we know.
pub fn at(
    cluster: ClusterConfiguration,
    old: &VersionFacts,
    version: &KubernetesVersion,
) -> Result<(ClusterConfiguration, VersionFacts), Failure> {
    let facts = facts_for(version)?;
    let mut cluster = ClusterConfiguration { kubernetes_version: version.clone(), ..cluster };
    // The registry that was the default is frozen. kubeadm 1.25 changed it, and whoever passed over that kept it.
    if cluster.image_repository == old.images.repository {
        cluster.image_repository.clone_from(&facts.images.repository);
    }
    Ok((cluster, facts))
}

/// The configuration as `--print-config` shows it.
pub fn shown(cluster: &ClusterConfiguration, facts: &VersionFacts) -> String {
    let timeout = Timeouts::default().control_plane_component_health_check;
    let yaml = store::cluster_configuration_yaml(cluster, facts, timeout);
    let lines: String = yaml.lines().map(|line| format!("\t{line}\n")).collect();
    format!("[upgrade/config] Configuration used:\n{lines}")
}

fn config_map(name: &str) -> ObjectRef {
    ObjectRef::namespaced("v1", "ConfigMap", "kube-system", name)
}

fn component(config_map: &Json, key: &str, name: &ObjectRef) -> Result<StoredComponent, Failure> {
    let text = entry(config_map, key, name)?;
    let annotation = config_map.pointer(HASH).and_then(Json::as_str);
    // A JSON map's keys come in order.
    let values = config_map.get("data").and_then(Json::as_object).into_iter().flat_map(|data| data.values());
    Ok(StoredComponent::of(text, annotation, values.filter_map(Json::as_str).map(str::as_bytes)))
}

impl StoredConfiguration {
    /// The same cluster at another version, and what depends on that.
    ///
    /// # Errors
    /// The version is none that we know.
    pub fn at(&self, version: &KubernetesVersion) -> Result<(ClusterConfiguration, VersionFacts), Failure> {
        at(self.cluster.clone(), &self.facts, version)
    }
}
