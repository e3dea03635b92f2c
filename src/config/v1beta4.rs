//! The documents of `kubeadm.k8s.io/v1beta4`, exactly as kubeadm has them.
//!
//! Every other version is turned into these types when it is read; only `convert.rs` knows what the fields mean.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::token::SecretText;
use crate::wire::wire;

wire! {
    /// Settings of one `init`.
    InitConfiguration {
        "bootstrapTokens" bootstrap_tokens: Vec<BootstrapToken>,
        "dryRun" dry_run: bool,
        "nodeRegistration" node_registration: NodeRegistrationOptions,
        "localAPIEndpoint" local_api_endpoint: ApiEndpoint,
        "certificateKey" certificate_key: SecretText,
        "skipPhases" skip_phases: Vec<String>,
        "patches" patches: Option<Patches>,
        "timeouts" timeouts: Option<Timeouts>,
    }

    /// A token to create.
    BootstrapToken {
        "token" token: SecretText = keep,
        "description" description: String,
        "ttl" ttl: Option<Duration>,
        "expires" expires: Option<String>,
        "usages" usages: Vec<String>,
        "groups" groups: Vec<String>,
    }

    /// How a node registers.
    NodeRegistrationOptions {
        "name" name: String,
        "criSocket" cri_socket: String,
        "taints" taints: Option<Vec<Taint>> = keep,
        "kubeletExtraArgs" kubelet_extra_args: Vec<Arg>,
        "ignorePreflightErrors" ignore_preflight_errors: Vec<String>,
        "imagePullPolicy" image_pull_policy: String,
        "imagePullSerial" image_pull_serial: Option<bool>,
    }

    /// A taint of core/v1.
    Taint {
        "key" key: String = keep,
        "value" value: String,
        "effect" effect: String = keep,
        "timeAdded" time_added: Option<String>,
    }

    /// Where an API server listens.
    ApiEndpoint {
        "advertiseAddress" advertise_address: String,
        "bindPort" bind_port: i32,
    }

    /// A directory of patches.
    Patches {
        "directory" directory: String,
    }

    /// How long to wait for what.
    Timeouts {
        "controlPlaneComponentHealthCheck" control_plane_component_health_check: Option<Duration>,
        "kubeletHealthCheck" kubelet_health_check: Option<Duration>,
        "kubernetesAPICall" kubernetes_api_call: Option<Duration>,
        "etcdAPICall" etcd_api_call: Option<Duration>,
        "tlsBootstrap" tls_bootstrap: Option<Duration>,
        "discovery" discovery: Option<Duration>,
        "upgradeManifests" upgrade_manifests: Option<Duration>,
    }

    /// Settings of the whole cluster.
    ClusterConfiguration {
        "etcd" etcd: Etcd,
        "networking" networking: Networking,
        "kubernetesVersion" kubernetes_version: String,
        "controlPlaneEndpoint" control_plane_endpoint: String,
        "apiServer" api_server: ApiServer,
        "controllerManager" controller_manager: ControlPlaneComponent,
        "scheduler" scheduler: ControlPlaneComponent,
        "dns" dns: Dns,
        "proxy" proxy: Proxy,
        "certificatesDir" certificates_dir: String,
        "imageRepository" image_repository: String,
        "featureGates" feature_gates: BTreeMap<String, bool>,
        "clusterName" cluster_name: String,
        "encryptionAlgorithm" encryption_algorithm: String,
        "certificateValidityPeriod" certificate_validity_period: Option<Duration>,
        "caCertificateValidityPeriod" ca_certificate_validity_period: Option<Duration>,
    }

    /// Subnets and the DNS domain.
    Networking {
        "serviceSubnet" service_subnet: String,
        "podSubnet" pod_subnet: String,
        "dnsDomain" dns_domain: String,
    }

    /// Extras of a component.
    ControlPlaneComponent {
        "extraArgs" extra_args: Vec<Arg>,
        "extraVolumes" extra_volumes: Vec<HostPathMount>,
        "extraEnvs" extra_envs: Vec<EnvVar>,
    }

    /// Extras of kube-apiserver.
    ApiServer {
        "extraArgs" extra_args: Vec<Arg>,
        "extraVolumes" extra_volumes: Vec<HostPathMount>,
        "extraEnvs" extra_envs: Vec<EnvVar>,
        "certSANs" cert_sans: Vec<String>,
    }

    /// A flag of a component.
    Arg {
        "name" name: String = keep,
        "value" value: String = keep,
    }

    /// A mount from the host.
    HostPathMount {
        "name" name: String = keep,
        "hostPath" host_path: String = keep,
        "mountPath" mount_path: String = keep,
        "readOnly" read_only: bool,
        "pathType" path_type: String,
    }

    /// An environment variable of core/v1.
    EnvVar {
        "name" name: String = keep,
        "value" value: String,
        "valueFrom" value_from: Option<Value>,
    }

    /// The CoreDNS addon.
    Dns {
        "imageRepository" image_repository: String,
        "imageTag" image_tag: String,
        "disabled" disabled: bool,
    }

    /// The kube-proxy addon.
    Proxy {
        "disabled" disabled: bool,
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
        "extraArgs" extra_args: Vec<Arg>,
        "extraEnvs" extra_envs: Vec<EnvVar>,
        "serverCertSANs" server_cert_sans: Vec<String>,
        "peerCertSANs" peer_cert_sans: Vec<String>,
    }

    /// An etcd that someone else runs.
    ExternalEtcd {
        "endpoints" endpoints: Vec<String> = keep,
        "httpEndpoints" http_endpoints: Vec<String>,
        "caFile" ca_file: String = keep,
        "certFile" cert_file: String = keep,
        "keyFile" key_file: String = keep,
    }

    /// Settings of one `join`.
    JoinConfiguration {
        "dryRun" dry_run: bool,
        "nodeRegistration" node_registration: NodeRegistrationOptions,
        "caCertPath" ca_cert_path: String,
        "discovery" discovery: Discovery,
        "controlPlane" control_plane: Option<JoinControlPlane>,
        "skipPhases" skip_phases: Vec<String>,
        "patches" patches: Option<Patches>,
        "timeouts" timeouts: Option<Timeouts>,
    }

    /// What a new control-plane node needs on top.
    JoinControlPlane {
        "localAPIEndpoint" local_api_endpoint: ApiEndpoint,
        "certificateKey" certificate_key: SecretText,
    }

    /// How a cluster is found and trusted.
    Discovery {
        "bootstrapToken" bootstrap_token: Option<BootstrapTokenDiscovery>,
        "file" file: Option<FileDiscovery>,
        "tlsBootstrapToken" tls_bootstrap_token: SecretText,
    }

    /// Discovery through the ConfigMap `cluster-info`.
    BootstrapTokenDiscovery {
        "token" token: SecretText = keep,
        "apiServerEndpoint" api_server_endpoint: String,
        "caCertHashes" ca_cert_hashes: Vec<String>,
        "unsafeSkipCAVerification" unsafe_skip_ca_verification: bool,
    }

    /// Discovery through a kubeconfig.
    FileDiscovery {
        "kubeConfigPath" kube_config_path: String = keep,
    }
}
