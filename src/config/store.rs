//! The ClusterConfiguration (and ClusterStatus) that a cluster stores, in the API version of its Kubernetes version.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::facts::{ApiVersion, VersionFacts};
use crate::model::{ApiEndpoint, ClusterConfiguration};
use crate::wire::Wire;
use crate::{v1beta2, v1beta3, v1beta4, write};

/// Writes the key `ClusterConfiguration` of the ConfigMap `kubeadm-config`. `timeout` is how long this node waits for its
/// control plane; v1beta3 and older store it for the cluster.
pub fn cluster_configuration_yaml(cluster: &ClusterConfiguration, facts: &VersionFacts, timeout: Duration) -> String {
    let value = match facts.api.write {
        ApiVersion::V1beta4 => write::cluster(cluster).write(),
        ApiVersion::V1beta3 => old(cluster, facts, timeout).write(),
        ApiVersion::V1beta2 | ApiVersion::V1beta1 => {
            v1beta2::ClusterConfiguration::from(old(cluster, facts, timeout)).write()
        }
    };
    write::document(value, facts.api.write, "ClusterConfiguration")
}

/// Writes the key `ClusterStatus` for the given API servers; `None` for versions that have no such key.
pub fn cluster_status_yaml(endpoints: &BTreeMap<String, ApiEndpoint>, facts: &VersionFacts) -> Option<String> {
    if !facts.api.cluster_status {
        return None;
    }
    let endpoint = |(node, endpoint): (&String, &ApiEndpoint)| {
        let address = endpoint.advertise_address.to_string();
        (node.clone(), v1beta4::ApiEndpoint { advertise_address: address, bind_port: endpoint.bind_port.into() })
    };
    let status = v1beta2::ClusterStatus { api_endpoints: endpoints.iter().map(endpoint).collect() };
    Some(write::document(status.write(), facts.api.write, "ClusterStatus"))
}

fn old(cluster: &ClusterConfiguration, facts: &VersionFacts, timeout: Duration) -> v1beta3::ClusterConfiguration {
    let mut document = write::old::cluster(write::cluster(cluster));
    document.api_server.timeout_for_control_plane = Some(timeout);
    if facts.api.stores_authorization_mode {
        let args = &mut document.api_server.extra_args;
        args.entry("authorization-mode".to_owned()).or_insert_with(|| "Node,RBAC".to_owned());
    }
    document
}

#[cfg(test)]
mod tests;
