//! Facts of the node, its checks, the phases' order and the texts.

use camino::Utf8PathBuf;
use serde::Deserialize;

/// The kubelet's files, flags and ConfigMap.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubeletFacts {
    /// Name of the ConfigMap; its Role and RoleBinding are `kubeadm:<name>`.
    pub config_map: String,
    /// Value of `--container-runtime` where the runtime is not Docker (`remote`); `None` where the flag is not written.
    pub container_runtime_flag: Option<String>,
    /// Whether `--container-runtime-endpoint` is written to the flags file.
    pub endpoint_flag: bool,
    /// When `--pod-infra-container-image` is written.
    pub pause_flag: PauseFlag,
    /// When `--network-plugin=cni` is written.
    pub network_plugin_flag: NetworkPluginFlag,
    /// Whether `instance-config.yaml` carries the runtime's endpoint; the gate `NodeLocalCRISocket` overrules it.
    pub instance_config: bool,
    /// Default of the gate `NodeLocalCRISocket`, if the version knows it; taken from the gates' table.
    #[serde(skip)]
    pub node_local_cri_socket_gate: Option<bool>,
    /// Default `cgroupDriver`, if one is written.
    pub cgroup_driver: Option<String>,
    /// Where `resolvConf` is decided.
    pub resolv_conf: ResolvConf,
    /// Socket that is used where no runtime is found.
    pub default_cri_socket: String,
    /// Sockets that are tried.
    pub known_cri_sockets: Vec<KnownCriSocket>,
    /// Whether a socket is a URL (`unix://…`); a path otherwise.
    pub socket_url: bool,
    /// Whether the kubelet refuses to start with cgroup v1.
    pub refuses_cgroup_v1: bool,
    /// Whether a kubelet patch file is a target of `--patches`.
    pub patch_target: bool,
    /// Fields that are written even if nobody sets them, with their zero values.
    pub zero_document: serde_json::Value,
}

/// A socket that is tried where the user names none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownCriSocket {
    /// Path that is connected to.
    pub probe: String,
    /// Value of `criSocket` if it answers.
    pub socket: String,
    /// Path whose answer makes this one not count.
    pub unless: Option<String>,
}

/// When `--pod-infra-container-image` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PauseFlag {
    /// Only with Docker.
    Docker,
    /// With every runtime.
    Always,
    /// Never.
    Never,
}

/// When `--network-plugin=cni` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NetworkPluginFlag {
    /// With Docker.
    Docker,
    /// Never.
    Never,
}

/// Where `resolvConf` of the kubelet is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResolvConf {
    /// With the defaults, and so in the shared ConfigMap in every case.
    Shared,
    /// When a node's file is written; the ConfigMap has it only if the same run wrote the file before.
    PerNode,
}

/// The checks before anything is changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreflightFacts {
    /// What swap is.
    pub swap: Severity,
    /// Binaries that must be found.
    pub binaries: Vec<BinaryCheck>,
    /// Whether `bridge-nf-call-iptables` (and ip6tables) must be 1.
    pub bridge_netfilter: bool,
    /// Whether the checks of Docker's service and cgroup driver exist.
    pub docker: bool,
    /// Whether the check `ContainerRuntimeVersion` exists.
    pub container_runtime_version: bool,
    /// What cgroup v1 is.
    pub cgroup_v1: Severity,
    /// What an unknown kernel version is.
    pub kernel_version: Severity,
    /// Which kernels are known.
    pub kernels: KernelFacts,
    /// Which control group controllers are looked for.
    pub controllers: ControllerFacts,
    /// How many minors the kubelet may be older than the control plane.
    pub kubelet_minors_behind: u64,
    /// Files in `/proc/sys` of which a v4 cluster needs the value 1, besides the bridge's.
    pub sysctl_v4: Vec<Utf8PathBuf>,
    /// The same for a v6 cluster.
    pub sysctl_v6: Vec<Utf8PathBuf>,
}

/// The kernels that a version is made for; the rules of `k8s.io/system-validators`, as that version has them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KernelFacts {
    /// From which version on every kernel is known.
    pub from: KernelVersion,
    /// Which older series are.
    pub series: Vec<KernelVersion>,
    /// Options that must be built in or modules, without `CONFIG_`; where there are several names, they are joined by `|`.
    pub options: Vec<String>,
    /// The same with cgroup v1 only.
    pub options_v1: Vec<String>,
    /// The same with cgroup v2 only.
    pub options_v2: Vec<String>,
}

/// Major and minor version of a kernel, such as `5.10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct KernelVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl KernelVersion {
    /// Reads the beginning of a kernel's release, such as `6.1.0-13-amd64`.
    pub fn of_release(release: &str) -> Option<Self> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(Self { major: numbers.next()?.ok()?, minor: numbers.next()?.ok()? })
    }
}

impl TryFrom<String> for KernelVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::of_release(&text).ok_or_else(|| format!("`{text}` is no kernel version"))
    }
}

impl std::fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Control group controllers, by the version of control groups.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControllerFacts {
    /// What v1 must have.
    pub v1: Vec<String>,
    /// What v1 should have.
    pub v1_optional: Vec<String>,
    /// What v2 must have.
    pub v2: Vec<String>,
    /// What v2 should have.
    pub v2_optional: Vec<String>,
}

/// A binary that must be found in PATH.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BinaryCheck {
    /// Its name.
    pub name: String,
    /// What its absence is.
    pub severity: Severity,
    /// Whether it only matters where the runtime is not Docker.
    #[serde(default)]
    pub unless_docker: bool,
}

/// What a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Not looked at.
    None,
    /// Told.
    Warning,
    /// Stops the run unless ignored.
    Error,
}

/// What phases wait for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkflowFacts {
    /// Whether `wait-control-plane` also waits for kube-controller-manager and kube-scheduler.
    pub wait_for_all_components: bool,
}

/// Texts that scripts read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageFacts {
    /// What a continuation line of the join command starts with.
    pub join_indent: String,
}
