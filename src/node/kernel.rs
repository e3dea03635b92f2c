//! What a kubelet, its pods and kube-proxy leave in the kernel, where no file shows it: mounts, control groups, interfaces
//! and rules for packets. It is looked at and taken away; nothing is made here.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Capability, Effect, Failure};

use crate::outward::Outward;
use crate::{Node, NodeSession};

/// One mount of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub point: Utf8PathBuf,
    /// Its file system, such as `tmpfs`.
    pub file_system: String,
    /// What is mounted, such as `/dev/sdb1`.
    pub source: String,
}

/// Flags of `umount2()`. A link is never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnmountFlags {
    /// `MNT_FORCE`.
    pub force: bool,
    /// `MNT_DETACH`.
    pub detach: bool,
    /// `MNT_EXPIRE`.
    pub expire: bool,
}

/// Something that Kubernetes's networking has left in the kernel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetworkTrace {
    /// The chains `KUBE-*` of one table, and the rules that lead there.
    Chains {
        /// `iptables` or `ip6tables`.
        tool: String,
        /// `nat`, `filter`, `mangle`, ….
        table: String,
    },
    /// A table of nftables, such as `ip kube-proxy`.
    NftTable(String),
    /// A virtual server of IPVS, such as `-t 10.96.0.1:443`.
    VirtualServer(String),
    /// An interface.
    Interface(String),
    /// A set of addresses, such as `KUBE-CLUSTER-IP`.
    AddressSet(String),
}

impl fmt::Display for NetworkTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chains { tool, table } => write!(f, "the chains KUBE-* of {tool}'s table {table}"),
            Self::NftTable(table) => write!(f, "the nftables table {table}"),
            Self::VirtualServer(server) => write!(f, "the IPVS virtual server {server}"),
            Self::Interface(name) => write!(f, "the interface {name}"),
            Self::AddressSet(name) => write!(f, "the ipset {name}"),
        }
    }
}

/// What was found of Kubernetes's networking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkTraces {
    /// In the order in which they can go.
    pub found: Vec<NetworkTrace>,
    /// What could not be looked at, such as `IPVS: ipvsadm is not in PATH`.
    pub unknown: Vec<String>,
}

/// Why the kernel was not asked, or refused.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The list of mounts cannot be used.
    #[error("cannot read the mounts in `{path}`: {why}")]
    Mounts {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        why: String,
    },
    /// A mount stays.
    #[error("failed to unmount \"{point}\"")]
    Unmount {
        /// Where it is.
        point: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A control group stays.
    #[error("cannot remove the control group `{path}`")]
    Cgroup {
        /// Its directory.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A process goes on.
    #[error("cannot end process {process}")]
    Process {
        /// Its number.
        process: i32,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A program that changes the network failed.
    #[error("cannot remove {trace}: {why}")]
    Network {
        /// What stays.
        trace: String,
        /// Why.
        why: String,
    },
}

/// The kernel of this machine.
#[async_trait]
pub trait KernelBackend: Send + Sync {
    /// All mounts that this process sees, in the kernel's order.
    async fn mounts(&self) -> Result<Vec<Mount>, KernelError>;
    /// Takes the topmost mount at a place away. One that is gone already is no error. At most 30 s.
    async fn unmount(&self, point: &Utf8Path, flags: UnmountFlags) -> Result<(), KernelError>;
    /// The control groups of pods, what is in a group before the group: `kubepods` and `kubepods.slice` with all below.
    async fn pod_cgroups(&self) -> Vec<Utf8PathBuf>;
    /// The processes in a control group, not those below it, and never this one.
    async fn processes(&self, cgroup: &Utf8Path) -> Vec<i32>;
    /// Ends a process with SIGKILL; it may be there for a moment more. One that is gone already is no error.
    async fn kill(&self, process: i32) -> Result<(), KernelError>;
    /// Removes a control group that has no process in it. Never ends a process.
    async fn remove_cgroup(&self, path: &Utf8Path) -> Result<(), KernelError>;
    /// What Kubernetes's networking has left; `bridges` are interfaces that network plugins are configured to make.
    async fn network_traces(&self, bridges: &[String]) -> NetworkTraces;
    /// Takes one of them away.
    async fn remove_network_trace(&self, trace: &NetworkTrace) -> Result<(), KernelError>;
}

/// The power to take away what is left in the kernel.
pub struct Kernel {
    backend: Arc<dyn KernelBackend>,
    outward: Outward,
}

impl Capability<Node> for Kernel {
    const NAME: &'static str = "kernel";

    fn of(session: &NodeSession) -> Self {
        Self { backend: Arc::clone(&session.backends.kernel), outward: Outward::of(session) }
    }
}

impl Kernel {
    /// The mounts strictly below a directory, in the kernel's order.
    pub async fn mounts_below(&self, directory: &Utf8Path) -> Result<Vec<Mount>, Failure> {
        let mut mounts = self.backend.mounts().await?;
        mounts.retain(|mount| mount.point != directory && mount.point.starts_with(directory));
        Ok(mounts)
    }

    /// Takes the topmost mount at a place away.
    pub async fn unmount(&self, point: &Utf8Path, flags: UnmountFlags) -> Result<(), Failure> {
        self.outward.perform(Effect::new("unmount", point.as_str()), self.backend.unmount(point, flags)).await
    }

    /// The control groups of pods, what is in a group before the group.
    pub async fn pod_cgroups(&self) -> Vec<Utf8PathBuf> {
        self.backend.pod_cgroups().await
    }

    /// The processes in the control groups of pods with these UIDs, and in no others: whoever runs in a pod himself, as a node
    /// made of containers may, finds his own pod's group here, too.
    pub async fn pod_processes(&self, pods: &[String]) -> BTreeSet<i32> {
        let mut processes = BTreeSet::new();
        for group in self.backend.pod_cgroups().await {
            if pod_of(&group).is_some_and(|pod| pods.contains(&pod)) {
                processes.extend(self.backend.processes(&group).await);
            }
        }
        processes
    }

    /// Ends a process with SIGKILL; it may be there for a moment more.
    pub async fn kill(&self, process: i32) -> Result<(), Failure> {
        let effect = Effect::new("kill", format!("process {process}"));
        self.outward.perform(effect, self.backend.kill(process)).await
    }

    /// Removes a control group that has no process in it.
    pub async fn remove_cgroup(&self, path: &Utf8Path) -> Result<(), Failure> {
        let effect = Effect::new("remove", format!("control group {path}"));
        self.outward.perform(effect, self.backend.remove_cgroup(path)).await
    }

    /// What Kubernetes's networking has left.
    pub async fn network_traces(&self, bridges: &[String]) -> NetworkTraces {
        self.backend.network_traces(bridges).await
    }

    /// Takes one of them away.
    pub async fn remove_network_trace(&self, trace: &NetworkTrace) -> Result<(), Failure> {
        let effect = Effect::new("remove", trace.to_string());
        self.outward.perform(effect, self.backend.remove_network_trace(trace)).await
    }
}

/// The UID of the pod that a control group belongs to, as the kubelet names it: `podUID` for the driver cgroupfs, for systemd
/// `kubepods-burstable-podUID.slice` with `_` for `-` (`cgroup_manager_linux.go`, `ToSystemd`).
fn pod_of(cgroup: &Utf8Path) -> Option<String> {
    cgroup.components().find_map(|part| match part.as_str().strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("-pod").map(|(_, pod)| pod.replace('_', "-")),
        None => part.as_str().strip_prefix("pod").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests;
