//! What differs between Kubernetes versions, as types. The values stand in `versions.yaml`; `versions.rs` reads it.
//!
//! Nothing here decides anything: a phase or template asks for a fact instead of comparing versions.

mod addons;
mod components;
mod host;
mod image;

use std::collections::BTreeMap;

use kubewright_value::Value;
use serde::Deserialize;

use crate::model::{ClusterConfiguration, Taint};
use crate::version::KubernetesVersion;

pub use addons::{CoreDnsFacts, KubeProxyFacts};
pub use components::{
    ApiServerFacts, ControllerManagerFacts, EtcdArg, EtcdFacts, Probes, SchedulerFacts, StaticPodFacts, UserArgOrder,
};
pub use host::{
    BinaryCheck, ControllerFacts, KernelFacts, KernelVersion, KnownCriSocket, KubeletFacts, MessageFacts,
    NetworkPluginFlag, PauseFlag, PreflightFacts, ResolvConf, Severity, WorkflowFacts,
};
pub use image::Image;

/// Everything that depends on the version of the control plane, resolved for one version.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionFacts {
    /// The version that the facts were resolved for.
    pub version: KubernetesVersion,
    /// The facts.
    pub minor: MinorFacts,
}

impl Value for VersionFacts {
    const NAME: &'static str = "VersionFacts";
}

impl VersionFacts {
    /// Tells whether a feature gate is on: as the cluster sets it, or else by default; off if the version has no such gate.
    pub fn gate(&self, cluster: &ClusterConfiguration, name: &str) -> bool {
        let default = self.minor.feature_gates.get(name).copied().unwrap_or(false);
        cluster.feature_gate(name, default)
    }

    /// Tells whether the kubelet takes the runtime's endpoint from `instance-config.yaml`; from its flags otherwise.
    pub fn uses_instance_config(&self, cluster: &ClusterConfiguration) -> bool {
        cluster.feature_gate("NodeLocalCRISocket", self.minor.kubelet.instance_config)
    }
}

impl std::ops::Deref for VersionFacts {
    type Target = MinorFacts;

    fn deref(&self) -> &MinorFacts {
        &self.minor
    }
}

/// The facts of one minor version, after its patch releases' changes were applied.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MinorFacts {
    /// How well the facts are known.
    pub confidence: Confidence,
    /// Newest patch release known; labels such as `stable-1.30` resolve to it without a network.
    pub newest_patch: u64,
    /// Drives which feature gates are accepted, with their defaults.
    pub feature_gates: BTreeMap<String, bool>,
    /// Drives the names and tags of images.
    pub images: ImageFacts,
    /// Drives which configuration API is written and read.
    pub api: ApiFacts,
    /// Drives labels, taints and annotations of control-plane nodes.
    pub node: NodeFacts,
    /// Drives what all static pods have in common.
    pub static_pod: StaticPodFacts,
    /// Drives kube-apiserver's static pod.
    pub api_server: ApiServerFacts,
    /// Drives kube-controller-manager's static pod.
    pub controller_manager: ControllerManagerFacts,
    /// Drives kube-scheduler's static pod.
    pub scheduler: SchedulerFacts,
    /// Drives etcd's static pod.
    pub etcd: EtcdFacts,
    /// Drives the kubelet's files, flags and ConfigMap.
    pub kubelet: KubeletFacts,
    /// Drives kube-proxy's configuration and manifests.
    pub kube_proxy: KubeProxyFacts,
    /// Drives CoreDNS's manifests.
    pub coredns: CoreDnsFacts,
    /// Drives certificates and the credentials in kubeconfig files.
    pub credentials: CredentialFacts,
    /// Drives the checks before anything is changed.
    pub preflight: PreflightFacts,
    /// Drives the order of phases and what they wait for.
    pub workflow: WorkflowFacts,
    /// Drives texts that scripts read.
    pub messages: MessageFacts,
}

/// How well the facts of a minor are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Confidence {
    /// Read in that version's source or seen in its output, or two sources agree.
    High,
    /// One good secondary source.
    Medium,
}

/// Names and tags of images.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageFacts {
    /// Default registry.
    pub repository: String,
    /// Default tag of etcd.
    pub etcd: String,
    /// Default tag of CoreDNS.
    pub coredns: String,
    /// Path of CoreDNS's image below the default registry; a custom registry always has plain `coredns`.
    pub coredns_path: String,
    /// Tag of the pause image.
    pub pause: String,
    /// Order of `config images list` and of pulling.
    pub order: Vec<Image>,
}

/// Versions of the configuration API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiFacts {
    /// What `kubeadm-config` is written in.
    pub write: ApiVersion,
    /// What that version's kubeadm reads.
    pub read: Vec<ApiVersion>,
    /// Whether `kubeadm-config` has the key `ClusterStatus`.
    pub cluster_status: bool,
    /// Whether the default `authorization-mode` of kube-apiserver is stored in `kubeadm-config`.
    pub stores_authorization_mode: bool,
}

/// A version of the group `kubeadm.k8s.io`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiVersion {
    /// `v1beta1`, which only 1.20 and 1.21 read.
    V1beta1,
    /// `v1beta2`, written by 1.20 and 1.21.
    V1beta2,
    /// `v1beta3`, written by 1.22 to 1.30.
    V1beta3,
    /// `v1beta4`, written from 1.31.
    V1beta4,
}

impl ApiVersion {
    /// Returns `kubeadm.k8s.io/<version>`.
    pub fn group_version(self) -> &'static str {
        match self {
            Self::V1beta1 => "kubeadm.k8s.io/v1beta1",
            Self::V1beta2 => "kubeadm.k8s.io/v1beta2",
            Self::V1beta3 => "kubeadm.k8s.io/v1beta3",
            Self::V1beta4 => "kubeadm.k8s.io/v1beta4",
        }
    }
}

/// Labels, taints and annotations of control-plane nodes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeFacts {
    /// Label keys to set, each with an empty value.
    pub labels: Vec<String>,
    /// Keys of the default taints, each with effect `NoSchedule`.
    pub taints: Vec<String>,
    /// Whether the Node is annotated with its CRI socket (`kubeadm.alpha.kubernetes.io/cri-socket`).
    pub cri_socket_annotation: bool,
}

impl NodeFacts {
    /// The taints of a control-plane node for which nobody named any.
    pub fn default_taints(&self) -> Vec<Taint> {
        let taint = |key: &String| Taint { key: key.clone(), value: String::new(), effect: "NoSchedule".to_owned() };
        self.taints.iter().map(taint).collect()
    }
}

/// Certificates and the credentials in kubeconfig files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialFacts {
    /// Whether `super-admin.conf` exists.
    pub super_admin: bool,
    /// Organization of `admin.conf`; anything but `system:masters` needs the binding `kubeadm:cluster-admins`.
    pub admin_organization: String,
    /// Organization of `apiserver-kubelet-client`.
    pub kubelet_client_organization: Option<String>,
    /// Whether the binding `kubeadm:apiserver-kubelet-client` is created.
    pub kubelet_client_binding: bool,
    /// Organization of `apiserver-etcd-client` and `etcd/healthcheck-client`.
    pub etcd_client_organization: Option<String>,
    /// Seconds by which `notBefore` lies in the past.
    pub backdate_seconds: u64,
    /// Whether leaf certificates carry BasicConstraints (CA:FALSE).
    pub leaf_basic_constraints: bool,
    /// Whether authorities carry their common name as a DNS name.
    pub authority_dns_name: bool,
    /// Whether authorities have the serial number 0 instead of a random one.
    pub authority_serial_zero: bool,
    /// Whether leaf certificates in files begin when their authority does, as those in kubeconfig files always do.
    pub leaf_starts_with_authority: bool,
    /// Whether `kubelet.conf` of a control-plane node points at its own API server.
    pub kubelet_local_endpoint: bool,
    /// Whether kubeconfig files have an empty `preferences: {}`.
    pub kubeconfig_preferences: bool,
    /// Whether `certs check-expiration` names the authority of certificates in kubeconfigs.
    pub kubeconfig_authority_told: bool,
    /// Whether it tells the time that is left in one unit only, as `6y` and not `6y342d`.
    pub short_residual_time: bool,
}
