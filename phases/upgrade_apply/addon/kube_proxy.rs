//! Upgrades kube-proxy, once the last control plane is upgraded.

use crate::prelude::*;
use crate::upgrading::{UpgradeOptions, UpgradedCluster, addons, on_control_planes};

/// The phase `addon/kube-proxy`.
pub struct KubeProxy;

impl Phase<Node> for KubeProxy {
    const ABOUT: &'static str = "Upgrade the kube-proxy addon";
    const RANK: u16 = 701;
    // What it changes belongs to the new control plane, and nothing is changed before that serves.
    const AFTER: &'static [&'static str] = &["control-plane"];

    type Input = (Read<UpgradeOptions>, Read<UpgradedCluster>, Use<Kube>, Use<Probe>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        on_control_planes(seeds, "upgrade/addon")
    }

    async fn run(&self, (options, found, kube, probe): Self::Input, report: &Report) -> Result<(), Failure> {
        if addons::disabled(found.cluster.proxy.disabled, "kube-proxy", report)
            || addons::wait_for_others(&found, &kube, report).await?
        {
            return Ok(());
        }
        addons::kube_proxy(&found, &options, &kube, &probe, report).await
    }
}
