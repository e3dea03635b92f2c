//! The documents of `kubeadm.k8s.io/v1beta2`, kubeadm's own API until 1.21, where they are others than those of v1beta3.

use std::collections::BTreeMap;

use crate::error::ConfigError;
use crate::token::SecretText;
use crate::v1beta3::{self, ApiServer, Args, ControlPlaneComponent, Discovery, Etcd};
use crate::v1beta4;
use crate::wire::wire;

wire! {
    /// Settings of the whole cluster.
    ClusterConfiguration {
        "etcd" etcd: Etcd,
        "networking" networking: v1beta4::Networking,
        "kubernetesVersion" kubernetes_version: String,
        "controlPlaneEndpoint" control_plane_endpoint: String,
        "apiServer" api_server: ApiServer,
        "controllerManager" controller_manager: ControlPlaneComponent,
        "scheduler" scheduler: ControlPlaneComponent,
        "dns" dns: Dns,
        "certificatesDir" certificates_dir: String,
        "imageRepository" image_repository: String,
        "useHyperKubeImage" use_hyper_kube_image: bool,
        "featureGates" feature_gates: BTreeMap<String, bool>,
        "clusterName" cluster_name: String,
    }

    /// The DNS addon.
    Dns {
        "type" kind: String = keep,
        "imageRepository" image_repository: String,
        "imageTag" image_tag: String,
    }

    /// Settings of one `init`.
    InitConfiguration {
        "bootstrapTokens" bootstrap_tokens: Vec<v1beta4::BootstrapToken>,
        "nodeRegistration" node_registration: NodeRegistrationOptions,
        "localAPIEndpoint" local_api_endpoint: v1beta4::ApiEndpoint,
        "certificateKey" certificate_key: SecretText,
    }

    /// How a node registers.
    NodeRegistrationOptions {
        "name" name: String,
        "criSocket" cri_socket: String,
        "taints" taints: Option<Vec<v1beta4::Taint>> = keep,
        "kubeletExtraArgs" kubelet_extra_args: Args,
        "ignorePreflightErrors" ignore_preflight_errors: Vec<String>,
    }

    /// Settings of one `join`.
    JoinConfiguration {
        "nodeRegistration" node_registration: NodeRegistrationOptions,
        "caCertPath" ca_cert_path: String,
        "discovery" discovery: Discovery,
        "controlPlane" control_plane: Option<v1beta4::JoinControlPlane>,
    }

    /// The API servers by their node, as a cluster stores them.
    ClusterStatus {
        "apiEndpoints" api_endpoints: BTreeMap<String, v1beta4::ApiEndpoint> = keep,
    }
}

/// The DNS addon that every version has; kube-dns went with 1.21.
pub(crate) const CORE_DNS: &str = "CoreDNS";

impl ClusterConfiguration {
    /// Returns what we cannot give to a cluster.
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if self.use_hyper_kube_image {
            let reason = "clusters on the image hyperkube are not set up any more";
            faults.push(ConfigError::invalid("useHyperKubeImage", true, reason).hint("remove the field"));
        }
        if !["", CORE_DNS].contains(&self.dns.kind.as_str()) {
            let error = ConfigError::invalid("dns.type", &self.dns.kind, "the only DNS addon is CoreDNS");
            faults.push(error.hint("remove the field"));
        }
        faults
    }
}

impl From<ClusterConfiguration> for v1beta3::ClusterConfiguration {
    fn from(old: ClusterConfiguration) -> Self {
        Self {
            etcd: old.etcd,
            networking: old.networking,
            kubernetes_version: old.kubernetes_version,
            control_plane_endpoint: old.control_plane_endpoint,
            api_server: old.api_server,
            controller_manager: old.controller_manager,
            scheduler: old.scheduler,
            dns: v1beta3::Dns { image_repository: old.dns.image_repository, image_tag: old.dns.image_tag },
            certificates_dir: old.certificates_dir,
            image_repository: old.image_repository,
            feature_gates: old.feature_gates,
            cluster_name: old.cluster_name,
        }
    }
}

/// For clusters whose kubeadm reads v1beta2.
impl From<v1beta3::ClusterConfiguration> for ClusterConfiguration {
    fn from(new: v1beta3::ClusterConfiguration) -> Self {
        Self {
            etcd: new.etcd,
            networking: new.networking,
            kubernetes_version: new.kubernetes_version,
            control_plane_endpoint: new.control_plane_endpoint,
            api_server: new.api_server,
            controller_manager: new.controller_manager,
            scheduler: new.scheduler,
            dns: Dns {
                kind: CORE_DNS.to_owned(),
                image_repository: new.dns.image_repository,
                image_tag: new.dns.image_tag,
            },
            certificates_dir: new.certificates_dir,
            image_repository: new.image_repository,
            use_hyper_kube_image: false,
            feature_gates: new.feature_gates,
            cluster_name: new.cluster_name,
        }
    }
}

impl From<InitConfiguration> for v1beta3::InitConfiguration {
    fn from(old: InitConfiguration) -> Self {
        Self {
            bootstrap_tokens: old.bootstrap_tokens,
            node_registration: old.node_registration.into(),
            local_api_endpoint: old.local_api_endpoint,
            certificate_key: old.certificate_key,
            skip_phases: Vec::new(),
            patches: None,
        }
    }
}

impl From<JoinConfiguration> for v1beta3::JoinConfiguration {
    fn from(old: JoinConfiguration) -> Self {
        Self {
            node_registration: old.node_registration.into(),
            ca_cert_path: old.ca_cert_path,
            discovery: old.discovery,
            control_plane: old.control_plane,
            skip_phases: Vec::new(),
            patches: None,
        }
    }
}

impl From<NodeRegistrationOptions> for v1beta3::NodeRegistrationOptions {
    fn from(old: NodeRegistrationOptions) -> Self {
        Self {
            name: old.name,
            cri_socket: old.cri_socket,
            taints: old.taints,
            kubelet_extra_args: old.kubelet_extra_args,
            ignore_preflight_errors: old.ignore_preflight_errors,
            image_pull_policy: String::new(),
        }
    }
}
