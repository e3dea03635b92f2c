//! ClusterConfiguration: what is the same for every control-plane node.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_value::Value;

use super::ApiEndpoint;
use crate::net::{self, HostPort, Subnets};
use crate::version::KubernetesVersion;

/// The cluster-wide settings, as `kubeadm-config` stores them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfiguration {
    /// Name of the cluster in kubeconfig files.
    pub cluster_name: String,
    /// The exact version; labels such as `stable-1` are resolved by then.
    pub kubernetes_version: KubernetesVersion,
    /// Whether the version is a build of the project's CI, whose images are in a registry of their own.
    pub ci_build: bool,
    /// Stable address of all API servers, with its port; `None` if the cluster has none.
    pub control_plane_endpoint: Option<HostPort>,
    /// Subnets and the DNS domain.
    pub networking: Networking,
    /// Extras of kube-apiserver.
    pub api_server: ApiServer,
    /// Extras of kube-controller-manager.
    pub controller_manager: ControlPlaneComponent,
    /// Extras of kube-scheduler.
    pub scheduler: ControlPlaneComponent,
    /// The CoreDNS addon.
    pub dns: Dns,
    /// The kube-proxy addon.
    pub proxy: Proxy,
    /// Local or external etcd.
    pub etcd: Etcd,
    /// Where certificates and keys are, absolute.
    pub certificates_dir: Utf8PathBuf,
    /// Registry (and path) of every image that names no other.
    pub image_repository: String,
    /// Our feature gates that were set explicitly.
    pub feature_gates: BTreeMap<String, bool>,
    /// Kind and size of generated keys.
    pub encryption_algorithm: EncryptionAlgorithm,
    /// Validity of leaf certificates.
    pub certificate_validity_period: Duration,
    /// Validity of authorities' certificates.
    pub ca_certificate_validity_period: Duration,
}

impl Value for ClusterConfiguration {
    const NAME: &'static str = "ClusterConfiguration";
}

impl ClusterConfiguration {
    /// Returns the path of a file below the certificates' directory, such as `etcd/ca.crt`.
    pub fn certificate_path(&self, relative: impl AsRef<Utf8Path>) -> Utf8PathBuf {
        self.certificates_dir.join(relative)
    }

    /// Returns the address of the service `kubernetes`: index 1 of the first service subnet.
    pub fn api_service_ip(&self) -> IpAddr {
        self.service_ip(1)
    }

    /// Returns the address of the DNS service: index 10 of the first service subnet.
    pub fn dns_ip(&self) -> IpAddr {
        self.service_ip(10)
    }

    /// Returns the endpoint that clients use: the control-plane endpoint, or the local one where there is none.
    pub fn endpoint(&self, local: &ApiEndpoint) -> HostPort {
        self.control_plane_endpoint.clone().unwrap_or_else(|| local.host_port())
    }

    /// Tells whether an explicit feature gate, or else `default`, is on.
    pub fn feature_gate(&self, name: &str, default: bool) -> bool {
        self.feature_gates.get(name).copied().unwrap_or(default)
    }

    fn service_ip(&self, index: u128) -> IpAddr {
        let first = self.networking.service_subnet.first();
        // Validation demands ten addresses at least; a document built by hand falls back to the network's own address.
        net::nth_address(&first, index).unwrap_or_else(|| first.network())
    }
}

/// Subnets and the DNS domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networking {
    /// One subnet, or one of each family.
    pub service_subnet: Subnets,
    /// Subnets of pods; `None` leaves them to the network addon.
    pub pod_subnet: Option<Subnets>,
    /// Domain of service names, such as `cluster.local`.
    pub dns_domain: String,
}

/// A flag `--name=value` of a component; names may repeat.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
pub struct Arg {
    /// Name without dashes.
    pub name: String,
    /// Value, possibly empty.
    pub value: String,
}

impl Arg {
    /// Makes an argument from its two parts.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// A directory or file of the host, mounted into a static pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraVolume {
    /// Name of the volume; replaces a built-in one of the same name.
    pub name: String,
    /// Path on the host.
    pub host_path: String,
    /// Path in the container.
    pub mount_path: String,
    /// Whether the mount is read-only.
    pub read_only: bool,
    /// The `hostPath.type` of core/v1; empty means no check.
    pub path_type: String,
}

/// An environment variable in core/v1's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVar {
    /// Name of the variable.
    pub name: String,
    /// Literal value; empty if `value_from` is given.
    pub value: String,
    /// The core/v1 `EnvVarSource` object, with `fieldRef.apiVersion` filled in.
    pub value_from: Option<serde_json::Value>,
}

/// Extras that every control-plane component takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlPlaneComponent {
    /// Flags in the given order; each replaces all default flags of its name.
    pub extra_args: Vec<Arg>,
    /// Mounts on top of the built-in ones.
    pub extra_volumes: Vec<ExtraVolume>,
    /// Environment on top of the proxy variables.
    pub extra_envs: Vec<EnvVar>,
}

impl ControlPlaneComponent {
    /// Returns the last value given for a flag.
    pub fn extra_arg(&self, name: &str) -> Option<&str> {
        last_value(&self.extra_args, name)
    }
}

/// Returns the last value given for a flag in a list of arguments.
pub(crate) fn last_value<'a>(args: &'a [Arg], name: &str) -> Option<&'a str> {
    args.iter().rev().find(|arg| arg.name == name).map(|arg| arg.value.as_str())
}

/// Extras of kube-apiserver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiServer {
    /// What every component takes.
    pub component: ControlPlaneComponent,
    /// More names for the serving certificate, lower-case: DNS names, wildcards or addresses.
    pub cert_sans: Vec<String>,
}

/// A registry and tag that replace the defaults; `None` leaves the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageMeta {
    /// Registry and path, without the image's name.
    pub repository: Option<String>,
    /// Tag of the image.
    pub tag: Option<String>,
}

/// The CoreDNS addon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dns {
    /// Where its image comes from.
    pub image: ImageMeta,
    /// Whether the addon is left out.
    pub disabled: bool,
}

/// The kube-proxy addon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// Whether the addon is left out.
    pub disabled: bool,
}

/// Where the cluster's state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Etcd {
    /// A static pod on every control-plane node.
    Local(LocalEtcd),
    /// A cluster that someone else runs.
    External(ExternalEtcd),
}

impl Etcd {
    /// Returns the settings of a local etcd, if it is one.
    pub fn local(&self) -> Option<&LocalEtcd> {
        match self {
            Self::Local(local) => Some(local),
            Self::External(_) => None,
        }
    }

    /// Returns the settings of an external etcd, if it is one.
    pub fn external(&self) -> Option<&ExternalEtcd> {
        match self {
            Self::Local(_) => None,
            Self::External(external) => Some(external),
        }
    }
}

/// Settings of the static pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalEtcd {
    /// Where its image comes from.
    pub image: ImageMeta,
    /// Data directory on the host, absolute.
    pub data_dir: Utf8PathBuf,
    /// Flags; each replaces all default flags of its name.
    pub extra_args: Vec<Arg>,
    /// Environment of the container.
    pub extra_envs: Vec<EnvVar>,
    /// More names for the server's certificate.
    pub server_cert_sans: Vec<String>,
    /// More names for the peer's certificate.
    pub peer_cert_sans: Vec<String>,
}

/// Addresses and client files of an etcd that we do not run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalEtcd {
    /// URLs for gRPC.
    pub endpoints: Vec<String>,
    /// URLs for HTTP (`/version`, `/health`); the same as `endpoints` by default.
    pub http_endpoints: Vec<String>,
    /// Authority that signed the servers' certificates.
    pub ca_file: Option<Utf8PathBuf>,
    /// Client certificate.
    pub cert_file: Option<Utf8PathBuf>,
    /// Key of the client certificate.
    pub key_file: Option<Utf8PathBuf>,
}

/// Kind and size of the keys that are generated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum EncryptionAlgorithm {
    /// `RSA-2048`, the default.
    #[default]
    Rsa2048,
    /// `RSA-3072`.
    Rsa3072,
    /// `RSA-4096`.
    Rsa4096,
    /// `ECDSA-P256`.
    EcdsaP256,
    /// `ECDSA-P384`.
    EcdsaP384,
}

impl EncryptionAlgorithm {
    /// Every algorithm, in the order in which error messages list them.
    pub const ALL: [Self; 5] = [Self::EcdsaP256, Self::EcdsaP384, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// Returns the name that configuration files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
            Self::EcdsaP256 => "ECDSA-P256",
            Self::EcdsaP384 => "ECDSA-P384",
        }
    }

    /// Finds the algorithm of a name; names are case-sensitive.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}
