//! Stores the ClusterConfiguration in the cluster, where `join` and `upgrade` find it.

use std::collections::BTreeMap;

use kubewright_config::model::ApiEndpoint;
use kubewright_config::yaml;
use kubewright_manifests::uploads;
use kubewright_node::ObjectRef;
use serde_json::Value as Json;

use crate::artifacts::ClusterAdmin;
use crate::prelude::*;

/// The phase `upload-config/kubeadm`.
pub struct Kubeadm;

impl Phase<Node> for Kubeadm {
    const ABOUT: &'static str = "Upload the kubeadm ClusterConfiguration to a ConfigMap";
    const RANK: u16 = 800;

    type Input =
        (Read<InitConfiguration>, Read<ClusterConfiguration>, Read<VersionFacts>, Read<ClusterAdmin>, Use<Kube>);
    type Output = ();

    async fn run(&self, (init, cluster, facts, admin, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        report.note(
            "upload-config",
            "Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace",
        );
        let name = ObjectRef::namespaced("v1", "ConfigMap", "kube-system", "kubeadm-config");
        let mut endpoints = match kube.get(&admin.0, &name, report).await? {
            Some(live) => known_endpoints(&live),
            None => BTreeMap::new(),
        };
        endpoints.insert(init.node_registration.name.clone(), init.local_api_endpoint);
        let timeout = init.timeouts.control_plane_component_health_check;
        for object in uploads::kubeadm_config(&cluster, &facts, timeout, &endpoints)? {
            kube.apply(&admin.0, &object, report).await?;
        }
        Ok(())
    }
}

/// The API servers that ClusterStatus lists already; only clusters of 1.20 and 1.21 have it.
fn known_endpoints(config_map: &Json) -> BTreeMap<String, ApiEndpoint> {
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
