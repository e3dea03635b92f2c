//! Upgrades the static pods of this node, one after the other, and goes back if one does not serve.

use kubewright_config::UpgradeConfiguration;
use kubewright_node::{Etcd, Snapshots, StaticPods};

use crate::prelude::*;
use crate::upgrading::control_plane::{Wanted, upgrade};
use crate::upgrading::{Hands, UpgradeOptions, UpgradedCluster, on_control_planes};

/// The phase `control-plane`.
pub struct ControlPlane;

impl Phase<Node> for ControlPlane {
    const ABOUT: &'static str = "Upgrade the control plane instance deployed on this node, if any";
    const RANK: u16 = 200;

    type Input = (
        Read<UpgradeConfiguration>,
        Read<UpgradeOptions>,
        Read<UpgradedCluster>,
        Use<Files>,
        Use<Kube>,
        Use<StaticPods>,
        Use<Probe>,
        Use<Runtime>,
        Use<Clock>,
        Use<Etcd>,
        (Use<Services>, Use<Snapshots>),
    );
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        on_control_planes(seeds, "upgrade/control-plane")
    }

    async fn run(
        &self,
        (settings, options, found, files, kube, pods, probe, runtime, clock, etcd, (services, snapshots)): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let version = &found.cluster.kubernetes_version;
        report.note(
            "upgrade/control-plane",
            format!("Upgrading your Static Pod-hosted control plane instance to version \"{version}\"..."),
        );
        let hands = Hands {
            files: &files,
            kube: &kube,
            pods: &pods,
            probe: &probe,
            runtime: &runtime,
            services: &services,
            snapshots: &snapshots,
            clock: &clock,
            report,
        };
        let own = &settings.node;
        let wanted = Wanted { certificate_renewal: own.certificate_renewal, etcd_upgrade: own.etcd_upgrade };
        upgrade(&found, &options, wanted, &etcd, &hands).await?;
        report.note("upgrade/control-plane", "The control plane instance for this node was successfully upgraded!");
        Ok(())
    }
}
