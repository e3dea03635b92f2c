//! The documents of `kubeadm.k8s.io/v1beta3`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::token::SecretText;
use crate::v1beta4;
use crate::wire::wire;

/// Flags as a map: no flag stands twice.
pub(crate) type Args = BTreeMap<String, String>;

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
        "featureGates" feature_gates: BTreeMap<String, bool>,
        "clusterName" cluster_name: String,
    }

    /// Extras of a component.
    ControlPlaneComponent {
        "extraArgs" extra_args: Args,
        "extraVolumes" extra_volumes: Vec<v1beta4::HostPathMount>,
    }

    /// Extras of kube-apiserver.
    ApiServer {
        "extraArgs" extra_args: Args,
        "extraVolumes" extra_volumes: Vec<v1beta4::HostPathMount>,
        "certSANs" cert_sans: Vec<String>,
        "timeoutForControlPlane" timeout_for_control_plane: Option<Duration>,
    }

    /// The DNS addon.
    Dns {
        "imageRepository" image_repository: String,
        "imageTag" image_tag: String,
    }

    /// Where the cluster's state is kept.
    Etcd {
        "local" local: Option<LocalEtcd>,
        "external" external: Option<ExternalEtcd>,
    }

    /// Settings of etcd's static pod.
    LocalEtcd {
        "imageRepository" image_repository: String,
        "imageTag" image_tag: String,
        "dataDir" data_dir: String = keep,
        "extraArgs" extra_args: Args,
        "serverCertSANs" server_cert_sans: Vec<String>,
        "peerCertSANs" peer_cert_sans: Vec<String>,
    }

    /// An etcd that someone else runs.
    ExternalEtcd {
        "endpoints" endpoints: Vec<String> = keep,
        "caFile" ca_file: String = keep,
        "certFile" cert_file: String = keep,
        "keyFile" key_file: String = keep,
    }

    /// Settings of one `init`.
    InitConfiguration {
        "bootstrapTokens" bootstrap_tokens: Vec<v1beta4::BootstrapToken>,
        "nodeRegistration" node_registration: NodeRegistrationOptions,
        "localAPIEndpoint" local_api_endpoint: v1beta4::ApiEndpoint,
        "certificateKey" certificate_key: SecretText,
        "skipPhases" skip_phases: Vec<String>,
        "patches" patches: Option<v1beta4::Patches>,
    }

    /// How a node registers.
    NodeRegistrationOptions {
        "name" name: String,
        "criSocket" cri_socket: String,
        "taints" taints: Option<Vec<v1beta4::Taint>> = keep,
        "kubeletExtraArgs" kubelet_extra_args: Args,
        "ignorePreflightErrors" ignore_preflight_errors: Vec<String>,
        "imagePullPolicy" image_pull_policy: String,
    }

    /// Settings of one `join`.
    JoinConfiguration {
        "nodeRegistration" node_registration: NodeRegistrationOptions,
        "caCertPath" ca_cert_path: String,
        "discovery" discovery: Discovery,
        "controlPlane" control_plane: Option<v1beta4::JoinControlPlane>,
        "skipPhases" skip_phases: Vec<String>,
        "patches" patches: Option<v1beta4::Patches>,
    }

    /// How a cluster is found and trusted.
    Discovery {
        "bootstrapToken" bootstrap_token: Option<v1beta4::BootstrapTokenDiscovery>,
        "file" file: Option<v1beta4::FileDiscovery>,
        "tlsBootstrapToken" tls_bootstrap_token: SecretText,
        "timeout" timeout: Option<Duration>,
    }
}

/// Turns a map of flags into a list, sorted by name.
fn list(args: Args) -> Vec<v1beta4::Arg> {
    args.into_iter().map(|(name, value)| v1beta4::Arg { name, value }).collect()
}

fn component(component: ControlPlaneComponent) -> v1beta4::ControlPlaneComponent {
    v1beta4::ControlPlaneComponent {
        extra_args: list(component.extra_args),
        extra_volumes: component.extra_volumes,
        extra_envs: Vec::new(),
    }
}

impl From<InitConfiguration> for v1beta4::InitConfiguration {
    fn from(old: InitConfiguration) -> Self {
        Self {
            bootstrap_tokens: old.bootstrap_tokens,
            node_registration: old.node_registration.into(),
            local_api_endpoint: old.local_api_endpoint,
            certificate_key: old.certificate_key,
            skip_phases: old.skip_phases,
            patches: old.patches,
            dry_run: false,
            timeouts: None,
        }
    }
}

impl From<JoinConfiguration> for v1beta4::JoinConfiguration {
    fn from(old: JoinConfiguration) -> Self {
        let timeouts = old
            .discovery
            .timeout
            .map(|timeout| v1beta4::Timeouts { discovery: Some(timeout), ..v1beta4::Timeouts::default() });
        Self {
            node_registration: old.node_registration.into(),
            ca_cert_path: old.ca_cert_path,
            discovery: v1beta4::Discovery {
                bootstrap_token: old.discovery.bootstrap_token,
                file: old.discovery.file,
                tls_bootstrap_token: old.discovery.tls_bootstrap_token,
            },
            control_plane: old.control_plane,
            skip_phases: old.skip_phases,
            patches: old.patches,
            timeouts,
            dry_run: false,
        }
    }
}

impl From<NodeRegistrationOptions> for v1beta4::NodeRegistrationOptions {
    fn from(old: NodeRegistrationOptions) -> Self {
        Self {
            name: old.name,
            cri_socket: old.cri_socket,
            taints: old.taints,
            kubelet_extra_args: list(old.kubelet_extra_args),
            ignore_preflight_errors: old.ignore_preflight_errors,
            image_pull_policy: old.image_pull_policy,
            image_pull_serial: None,
        }
    }
}

impl From<ClusterConfiguration> for v1beta4::ClusterConfiguration {
    fn from(old: ClusterConfiguration) -> Self {
        let local = old.etcd.local.map(|etcd| v1beta4::LocalEtcd {
            image_repository: etcd.image_repository,
            image_tag: etcd.image_tag,
            data_dir: etcd.data_dir,
            extra_args: list(etcd.extra_args),
            extra_envs: Vec::new(),
            server_cert_sans: etcd.server_cert_sans,
            peer_cert_sans: etcd.peer_cert_sans,
        });
        let external = old.etcd.external.map(|etcd| v1beta4::ExternalEtcd {
            http_endpoints: etcd.endpoints.clone(),
            endpoints: etcd.endpoints,
            ca_file: etcd.ca_file,
            cert_file: etcd.cert_file,
            key_file: etcd.key_file,
        });
        Self {
            etcd: v1beta4::Etcd { local, external },
            networking: old.networking,
            kubernetes_version: old.kubernetes_version,
            control_plane_endpoint: old.control_plane_endpoint,
            api_server: v1beta4::ApiServer {
                extra_args: list(old.api_server.extra_args),
                extra_volumes: old.api_server.extra_volumes,
                extra_envs: Vec::new(),
                cert_sans: old.api_server.cert_sans,
            },
            controller_manager: component(old.controller_manager),
            scheduler: component(old.scheduler),
            dns: v1beta4::Dns {
                image_repository: old.dns.image_repository,
                image_tag: old.dns.image_tag,
                disabled: false,
            },
            certificates_dir: old.certificates_dir,
            image_repository: old.image_repository,
            feature_gates: old.feature_gates,
            cluster_name: old.cluster_name,
            proxy: v1beta4::Proxy::default(),
            encryption_algorithm: String::new(),
            certificate_validity_period: None,
            ca_certificate_validity_period: None,
        }
    }
}
