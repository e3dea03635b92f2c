//! ClusterConfiguration of v1beta4.

use std::collections::BTreeMap;
use std::time::Duration;

use super::env::ValueSource;
use crate::wire::wire;

wire! {
    /// Settings of the whole cluster.
    ClusterConfiguration {
        /// Where the cluster's state is kept: a local etcd by default.
        "etcd" etcd: Etcd,
        /// Subnets and the DNS domain.
        "networking" networking: Networking,
        /// Version of the control plane, such as v1.36.2, or a label such as stable-1.36.
        "kubernetesVersion" kubernetes_version: String [version],
        /// Stable address of all API servers, `host[:port]`. Needed to add control-plane nodes later.
        "controlPlaneEndpoint" control_plane_endpoint: String [endpoint],
        /// Extras of kube-apiserver.
        "apiServer" api_server: ApiServer,
        /// Extras of kube-controller-manager.
        "controllerManager" controller_manager: ControlPlaneComponent,
        /// Extras of kube-scheduler.
        "scheduler" scheduler: ControlPlaneComponent,
        /// The CoreDNS addon.
        "dns" dns: Dns,
        /// The kube-proxy addon.
        "proxy" proxy: Proxy,
        /// Directory of certificates and keys; /etc/kubernetes/pki by default.
        "certificatesDir" certificates_dir: String [absolute_path],
        /// Registry of all images that name no other; registry.k8s.io by default.
        "imageRepository" image_repository: String [image_repository],
        /// Feature gates of kubeadm, not of Kubernetes.
        "featureGates" feature_gates: BTreeMap<String, bool> [feature_gates],
        /// Name of the cluster in kubeconfig files; kubernetes by default.
        "clusterName" cluster_name: String,
        /// Kind and size of generated keys; RSA-2048 by default.
        "encryptionAlgorithm" encryption_algorithm: String [encryption_algorithm],
        /// Validity of certificates; 8760h, a year, by default.
        "certificateValidityPeriod" certificate_validity_period: Option<Duration> [validity],
        /// Validity of authorities' certificates; 87600h, ten years, by default.
        "caCertificateValidityPeriod" ca_certificate_validity_period: Option<Duration> [validity],
    }

    /// Subnets and the DNS domain.
    Networking {
        /// Subnet of services, or one of each family with a comma; 10.96.0.0/12 by default.
        "serviceSubnet" service_subnet: String [subnets],
        /// Subnet of pods, or one of each family with a comma. Left to the network addon if empty.
        "podSubnet" pod_subnet: String [subnets],
        /// Domain of service names; cluster.local by default.
        "dnsDomain" dns_domain: String [dns_name],
    }

    /// Extras of a control-plane component.
    ControlPlaneComponent {
        /// Flags; each replaces all default flags of its name.
        "extraArgs" extra_args: Vec<Arg>,
        /// Files and directories of the host to mount.
        "extraVolumes" extra_volumes: Vec<HostPathMount>,
        /// Environment variables.
        "extraEnvs" extra_envs: Vec<EnvVar>,
    }

    /// Extras of kube-apiserver.
    ApiServer {
        /// Flags; each replaces all default flags of its name.
        "extraArgs" extra_args: Vec<Arg>,
        /// Files and directories of the host to mount.
        "extraVolumes" extra_volumes: Vec<HostPathMount>,
        /// Environment variables.
        "extraEnvs" extra_envs: Vec<EnvVar>,
        /// More names for its certificate: IP addresses and DNS names, also with `*.`.
        "certSANs" cert_sans: Vec<String> [alternative_name],
    }

    /// A flag of a component. The same name may stand several times.
    Arg [arg] {
        /// Name without leading dashes.
        "name" name: String = keep [arg_name],
        /// Value; numbers and booleans in quotes.
        "value" value: String = keep,
    }

    /// A file or directory of the host that is mounted into a static pod.
    HostPathMount [host_path_mount] {
        /// Name of the volume.
        "name" name: String = keep [volume_name],
        /// Path on the host.
        "hostPath" host_path: String = keep [absolute_path],
        /// Path in the container.
        "mountPath" mount_path: String = keep [mount_path],
        /// Whether the container may only read it.
        "readOnly" read_only: bool,
        /// What is expected on the host; no check if empty.
        "pathType" path_type: String [path_type],
    }

    /// An environment variable, as in the container of a pod.
    EnvVar [env_var] {
        /// Name of the variable.
        "name" name: String = keep [variable_name],
        /// Its value. Excludes valueFrom.
        "value" value: String,
        /// Where its value comes from, as in the container of a pod.
        "valueFrom" value_from: Option<ValueSource>,
    }

    /// The CoreDNS addon.
    Dns {
        /// Registry of its image, if it is another than imageRepository.
        "imageRepository" image_repository: String [image_repository],
        /// Tag of its image, if it is another than that of the Kubernetes version.
        "imageTag" image_tag: String [image_tag],
        /// Whether the addon is left out.
        "disabled" disabled: bool,
    }

    /// The kube-proxy addon.
    Proxy {
        /// Whether the addon is left out.
        "disabled" disabled: bool,
    }

    /// Where the cluster's state is kept. Name one of the two, or none to have a local etcd.
    Etcd [etcd] {
        /// A static pod on every control-plane node.
        "local" local: Option<LocalEtcd>,
        /// A cluster that someone else runs.
        "external" external: Option<ExternalEtcd>,
    }

    /// Settings of etcd's static pod.
    LocalEtcd {
        /// Registry of its image, if it is another than imageRepository.
        "imageRepository" image_repository: String [image_repository],
        /// Tag of its image, if it is another than that of the Kubernetes version.
        "imageTag" image_tag: String [image_tag],
        /// Data directory; /var/lib/etcd by default.
        "dataDir" data_dir: String = keep [absolute_path],
        /// Flags; each replaces all default flags of its name.
        "extraArgs" extra_args: Vec<Arg>,
        /// Environment variables.
        "extraEnvs" extra_envs: Vec<EnvVar>,
        /// More names for the server's certificate.
        "serverCertSANs" server_cert_sans: Vec<String> [lower_alternative_name],
        /// More names for the peer's certificate.
        "peerCertSANs" peer_cert_sans: Vec<String> [lower_alternative_name],
    }

    /// An etcd that someone else runs.
    ExternalEtcd [external_etcd] {
        /// URLs of its members.
        "endpoints" endpoints: Vec<String> = keep [url],
        /// URLs for its health and version, if they are others than endpoints.
        "httpEndpoints" http_endpoints: Vec<String> [url],
        /// Authority of its servers' certificates. Needed with certFile and keyFile.
        "caFile" ca_file: String = keep [absolute_path],
        /// Client certificate. Needs keyFile.
        "certFile" cert_file: String = keep [absolute_path],
        /// Key of the client certificate.
        "keyFile" key_file: String = keep [absolute_path],
    }
}
