//! The list of API servers that clusters of 1.20 and 1.21 keep in `kubeadm-config`, under the key `ClusterStatus`. Their
//! kubeadm falls back to it where a pod has no annotation.

use std::collections::BTreeMap;

use kubewright_config::model::ApiEndpoint;
use kubewright_config::{store, yaml};
use kubewright_node::ObjectRef;
use serde_json::Value as Json;

use crate::artifacts::ClusterAdmin;
use crate::prelude::*;

/// The ConfigMap that holds it.
pub fn kubeadm_config() -> ObjectRef {
    ObjectRef::namespaced("v1", "ConfigMap", "kube-system", "kubeadm-config")
}

/// The API servers that it lists already.
pub fn known_endpoints(config_map: &Json) -> BTreeMap<String, ApiEndpoint> {
    let status = config_map.pointer("/data/ClusterStatus").and_then(Json::as_str);
    let parsed = status.and_then(|text| yaml::document(text.as_bytes()).ok());
    let listed = parsed.as_ref().and_then(|status| status.value().get("apiEndpoints")).and_then(Json::as_object);
    let endpoint = |(name, value): (&String, &Json)| {
        let advertise_address = value.get("advertiseAddress")?.as_str()?.parse().ok()?;
        let bind_port = u16::try_from(value.get("bindPort")?.as_u64()?).ok()?;
        Some((name.clone(), ApiEndpoint { advertise_address, bind_port }))
    };
    listed.into_iter().flatten().filter_map(endpoint).collect()
}

/// Adds this node's API server, in versions that have the list, beside those that other nodes add at the same moment.
///
/// # Errors
/// The API server refuses it, or does not take it in time.
pub async fn add_own(
    init: &InitConfiguration,
    facts: &VersionFacts,
    admin: &ClusterAdmin,
    kube: &Kube,
    report: &Report,
) -> Result<(), Failure> {
    if !facts.api.cluster_status {
        return Ok(());
    }
    kube.change(&admin.0, &kubeadm_config(), report, |live| with_own(live, init, facts)).await
}

fn with_own(live: &Json, init: &InitConfiguration, facts: &VersionFacts) -> Option<Json> {
    let mut endpoints = known_endpoints(live);
    let own = init.local_api_endpoint;
    if endpoints.insert(init.node_registration.name.clone(), own) == Some(own) {
        return None;
    }
    let mut changed = live.clone();
    changed["data"]["ClusterStatus"] = store::cluster_status_yaml(&endpoints, facts)?.into();
    Some(changed)
}

/// The ConfigMap without a node, which is found by its name or by where its API server listens, and the name under which it
/// stood there; `None` when it does not.
pub fn without(live: &Json, name: Option<&str>, endpoint: Option<ApiEndpoint>) -> Option<(Json, String)> {
    let listed = known_endpoints(live);
    let (gone, _) = listed.iter().find(|(known, at)| Some(known.as_str()) == name || Some(**at) == endpoint)?;
    let text = live.pointer("/data/ClusterStatus").and_then(Json::as_str)?;
    let mut status = yaml::document(text.as_bytes()).ok()?.value().clone();
    status.get_mut("apiEndpoints")?.as_object_mut()?.remove(gone);
    let mut changed = live.clone();
    changed["data"]["ClusterStatus"] = yaml::to_string(&status).as_str().into();
    Some((changed, gone.clone()))
}

#[cfg(test)]
mod tests;
