//! What `upgrade apply`, `upgrade node` and `upgrade rollback` share: what the cluster was before, what of it is kept on the
//! node, how static pods are replaced one by one, and how the node goes back. kubeadm: `app/phases/upgrade/staticpods.go`.

pub mod addons;
pub mod before;
pub mod control_plane;
pub mod going_back;
pub mod kept;
pub mod looking;
pub mod node_files;
pub mod renewal;
pub mod replacing;
pub mod roles;
pub mod snapshot;
pub mod stand_in;
pub mod uploads;

pub use crate::component::Component;
pub use before::{Before, UpgradedCluster};
pub use kept::{Kept, Stage};

use std::time::Duration;

use kubewright_node::{Snapshots, StaticPods};

use crate::prelude::*;
use crate::restoring::Restoring;

/// The powers with which static pods are replaced.
pub struct Hands<'a> {
    /// Files.
    pub files: &'a Files,
    /// The API.
    pub kube: &'a Kube,
    /// Static pods, for looking.
    pub pods: &'a StaticPods,
    /// The machine, for looking.
    pub probe: &'a Probe,
    /// The container runtime, for putting etcd's data back.
    pub runtime: &'a Runtime,
    /// The kubelet, for putting etcd's data back.
    pub services: &'a Services,
    /// Copies of etcd's data.
    pub snapshots: &'a Snapshots,
    /// The time.
    pub clock: &'a Clock,
    /// Where it is told.
    pub report: &'a Report,
}

/// What the command line of `upgrade …` says and the UpgradeConfiguration does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeOptions {
    /// `upgrade apply`, `upgrade node` or `upgrade rollback`.
    pub command: &'static str,
    /// The exact version to upgrade to; `None` where the cluster's configuration says it.
    pub target: Option<kubewright_config::KubernetesVersion>,
    /// `--kubeconfig`: whose credentials are used.
    pub kubeconfig: Utf8PathBuf,
    /// Whether this node has a control plane: the manifest of kube-apiserver is here.
    pub control_plane: bool,
    /// `--restore-etcd`: etcd's data may go back with the node, and what was written since is lost.
    pub restore_etcd: bool,
    /// systemd-resolved runs.
    pub resolved_active: bool,
    /// Proxy variables of our environment, which static pods and kube-proxy inherit.
    pub proxy_environment: Vec<(String, String)>,
}

impl Value for UpgradeOptions {
    const NAME: &'static str = "upgrade-flags";
}

/// What the phases that replace static pods ask for, and [`Hands`] are made from.
pub type Powers =
    (Use<Files>, Use<Kube>, Use<StaticPods>, Use<Probe>, Use<Runtime>, Use<Services>, Use<Snapshots>, Use<Clock>);

impl<'a> Hands<'a> {
    /// With the powers of a phase, told by its report.
    pub fn of((files, kube, pods, probe, runtime, services, snapshots, clock): &'a Powers, report: &'a Report) -> Self {
        Self { files, kube, pods, probe, runtime, services, snapshots, clock, report }
    }

    /// The powers with which etcd's data is put back.
    pub(crate) fn restoring(&self, found: &'a UpgradedCluster) -> Restoring<'a> {
        let Self { files, services, runtime, snapshots, report, .. } = *self;
        Restoring { files, services, runtime, socket: &found.before.cri_socket, snapshots, report }
    }
}

impl UpgradeOptions {
    /// The same in terms of `init`, for what both share.
    pub fn as_init(&self) -> InitOptions {
        InitOptions {
            kubeconfig: self.kubeconfig.clone(),
            proxy_environment: self.proxy_environment.clone(),
            ..InitOptions::default()
        }
    }

    /// Whether the cluster is upgraded and not just this node.
    pub fn whole_cluster(&self) -> bool {
        self.command == "upgrade apply"
    }
}

/// How long a restarted component may take, and how that is said.
pub(crate) fn up_to(limit: Duration) -> String {
    kubewright_config::format_duration(limit)
}

/// Leaves phases of the control plane out on workers, in kubeadm's words.
pub fn on_control_planes(seeds: &Seeds, tag: &'static str) -> Applies {
    match seeds.get::<UpgradeOptions>() {
        Some(options) if !options.control_plane => {
            Applies::Told { tag, text: "Skipping phase. Not a control plane node.".into() }
        }
        _ => Applies::Yes,
    }
}
