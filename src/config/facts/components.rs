//! Facts of the static pods.

use camino::Utf8PathBuf;
use serde::Deserialize;

use crate::model::Arg;

/// What all static pods have in common.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StaticPodFacts {
    /// Explicit `spec.priority`, if written.
    pub priority: Option<i32>,
    /// Whether the pod's seccomp profile is set to `RuntimeDefault`.
    pub seccomp_runtime_default: bool,
    /// Whether `metadata.creationTimestamp: null` is written.
    pub creation_timestamp: bool,
    /// Whether probes name the container port `probe-port` instead of a number.
    pub named_probe_port: bool,
    /// Where the user's flags go.
    pub user_arg_order: UserArgOrder,
    /// Directories with authorities, mounted into kube-apiserver and kube-controller-manager if they exist on the host,
    /// on top of `/etc/ssl/certs`.
    pub ca_mount_candidates: Vec<Utf8PathBuf>,
}

/// Where the user's flags go in a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UserArgOrder {
    /// Sorted by name among the defaults.
    Sorted,
    /// After the sorted defaults, in the given order.
    Last,
}

/// Paths of HTTP probes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probes {
    /// Path of the liveness probe.
    pub liveness: String,
    /// Path of the readiness probe, if there is one.
    pub readiness: Option<String>,
    /// Path of the startup probe.
    pub startup: String,
}

/// kube-apiserver's static pod.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiServerFacts {
    /// Flags on top of those that every version has.
    pub args: Vec<Arg>,
    /// Its probes.
    pub probes: Probes,
    /// Path that `wait-control-plane` asks.
    pub wait_path: String,
    /// Whether an `authorization-config` argument removes `authorization-mode`.
    pub authorization_config: bool,
    /// Whether dual-stack needs `feature-gates=IPv6DualStack=true` on every component.
    pub dual_stack_gate: bool,
}

/// kube-controller-manager's static pod.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControllerManagerFacts {
    /// Flags on top of those that every version has.
    pub args: Vec<Arg>,
    /// Its probes.
    pub probes: Probes,
    /// Path that `wait-control-plane` asks.
    pub wait_path: String,
    /// Default directory of flex volumes, mounted writable; `None` where the mount is gone.
    pub flex_volume_dir: Option<Utf8PathBuf>,
}

/// kube-scheduler's static pod.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchedulerFacts {
    /// Flags on top of those that every version has.
    pub args: Vec<Arg>,
    /// Its probes.
    pub probes: Probes,
    /// Path that `wait-control-plane` asks.
    pub wait_path: String,
}

/// etcd's static pod.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EtcdFacts {
    /// Its probes, asked on the metrics port.
    pub probes: Probes,
    /// Flags that depend on etcd's own version; see [`EtcdFacts::args_for`].
    pub args: Vec<EtcdArg>,
    /// Oldest external etcd that is accepted, such as `3.2.18`.
    pub minimum_external: String,
}

/// A flag of etcd, and the versions of etcd that know it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EtcdArg {
    /// Name without dashes.
    pub name: String,
    /// Value.
    pub value: String,
    /// First version of etcd that takes the flag.
    pub since: Option<semver::Version>,
    /// First version of etcd that no longer takes it.
    pub until: Option<semver::Version>,
}

impl EtcdFacts {
    /// Returns the flags for an image tag of etcd, such as `3.6.8-0`.
    ///
    /// kubeadm 1.36 writes the flags of etcd 3.6 even next to a pinned 3.5 image, which then exits; we go by the image.
    /// A tag without a version gets the flags of the newest etcd.
    pub fn args_for(&self, tag: &str) -> Vec<Arg> {
        let version = crate::version::loose(tag);
        let known = |arg: &&EtcdArg| match &version {
            Some(version) => {
                arg.since.as_ref().is_none_or(|since| version >= since)
                    && arg.until.as_ref().is_none_or(|until| version < until)
            }
            None => arg.until.is_none(),
        };
        self.args.iter().filter(known).map(|arg| Arg::new(&arg.name, &arg.value)).collect()
    }
}
