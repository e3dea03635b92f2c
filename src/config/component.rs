//! The kubelet's and kube-proxy's own configuration documents, merged over our defaults.

use kubewright_value::Value as Named;
use serde_json::Value;

/// KubeletConfiguration as the shared ConfigMap holds it: without patches and without what belongs to one node.
#[derive(Debug, Clone, PartialEq)]
pub struct KubeletDoc {
    /// The whole document, zero fields included.
    pub document: Value,
    /// Whether the user gave a document; its ConfigMap then has no hash annotation.
    pub user_supplied: bool,
    /// `resolvConf` for this node where the version decides it per node, and nobody set it.
    pub node_resolv_conf: Option<String>,
}

impl Named for KubeletDoc {
    const NAME: &'static str = "KubeletConfiguration";
}

/// KubeProxyConfiguration as the ConfigMap holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct KubeProxyDoc {
    /// The whole document, zero fields included.
    pub document: Value,
    /// Whether the user gave a document; its ConfigMap then has no hash annotation.
    pub user_supplied: bool,
}

impl Named for KubeProxyDoc {
    const NAME: &'static str = "KubeProxyConfiguration";
}
