//! Upgrades the static pods of this node, one after the other, and goes back if one does not serve.

use kubewright_config::UpgradeConfiguration;
use kubewright_node::Etcd;

use crate::prelude::*;
use crate::upgrading::control_plane::{Wanted, upgrade};
use crate::upgrading::{Hands, Powers, UpgradeOptions, UpgradedCluster, on_control_planes};

/// The phase `control-plane`.
pub struct ControlPlane;

impl Phase<Node> for ControlPlane {
    const ABOUT: &'static str = "Upgrade the control plane";
    const RANK: u16 = 200;

    type Input = (Read<UpgradeConfiguration>, Read<UpgradeOptions>, Read<UpgradedCluster>, Use<Etcd>, Powers);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        on_control_planes(seeds, "upgrade/control-plane")
    }

    async fn run(&self, (settings, options, found, etcd, powers): Self::Input, report: &Report) -> Result<(), Failure> {
        let version = &found.cluster.kubernetes_version;
        let limit = kubewright_config::format_duration(settings.timeouts.upgrade_manifests);
        report.note(
            "upgrade/control-plane",
            format!("Upgrading your static Pod-hosted control plane to version \"{version}\" (timeout: {limit})..."),
        );
        let hands = Hands::of(&powers, report);
        let own = &settings.apply.node;
        let wanted = Wanted { certificate_renewal: own.certificate_renewal, etcd_upgrade: own.etcd_upgrade };
        upgrade(&found, &options, wanted, &etcd, &hands).await?;
        report.note("upgrade/control-plane", "The control plane instance for this node was successfully upgraded!");
        Ok(())
    }
}
