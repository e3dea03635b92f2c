//! Facts of the addons.

use serde::Deserialize;

/// kube-proxy's configuration and manifests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubeProxyFacts {
    /// Whether the DaemonSet also tolerates `CriticalAddonsOnly` by name.
    pub critical_addons_toleration: bool,
    /// Values of `mode` that it takes.
    pub modes: Vec<String>,
    /// Fields that are written even if nobody sets them, with their zero values.
    pub zero_document: serde_json::Value,
    /// Whether its DaemonSet is a target of `--patches`.
    pub patch_target: bool,
}

/// CoreDNS's manifests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CoreDnsFacts {
    /// Whether its ClusterRole may get nodes.
    pub role_nodes: bool,
    /// Whether its ClusterRole may list and watch EndpointSlices.
    pub role_endpoint_slices: bool,
    /// Whether caching is disabled for the cluster's domain.
    pub cache_disabled_for_cluster: bool,
    /// Whether replicas prefer different nodes.
    pub anti_affinity: bool,
    /// Whether probes name the ports `liveness-probe` and `readiness-probe`.
    pub named_probe_ports: bool,
    /// Node taints that it tolerates, each with effect `NoSchedule`.
    pub tolerated_taints: Vec<String>,
    /// The capability that it drops: `all`, or `ALL`.
    pub dropped_capability: String,
    /// Value of the service's label `kubernetes.io/name`.
    pub service_label: String,
    /// Whether its Deployment is a target of `--patches`.
    pub patch_target: bool,
}
