//! Looks whether this node can be upgraded to the version that the cluster has, and pulls the images of its control plane,
//! before anything is changed.

use kubewright_config::UpgradeConfiguration;

use crate::checks::Powers;
use crate::prelude::*;
use crate::upgrading::{UpgradeOptions, UpgradedCluster, looking};

/// The phase `preflight`.
pub struct Preflight;

impl Phase<Node> for Preflight {
    const ABOUT: &'static str = "Run upgrade node pre-flight checks";
    const RANK: u16 = 100;

    type Input = (Read<UpgradeConfiguration>, Read<UpgradeOptions>, Powers, Use<Kube>);
    type Output = UpgradedCluster;

    async fn run(
        &self,
        (settings, options, powers, kube): Self::Input,
        report: &Report,
    ) -> Result<UpgradedCluster, Failure> {
        let (found, _) = looking::find(&settings, &options, &powers.0, &kube, report).await?;
        report.note("upgrade/preflight", "Running pre-flight checks");
        looking::check_node(&found, &found.kubelet, &options.as_init(), &powers, report).await?;
        if options.control_plane {
            looking::pull(&found, &powers.3, report).await?;
        } else {
            report.note("upgrade/preflight", "Skipping prepull. Not a control plane node.");
        }
        Ok(found)
    }
}
