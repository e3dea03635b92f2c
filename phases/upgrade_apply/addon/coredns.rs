//! Upgrades CoreDNS, once the last control plane is upgraded.

use crate::prelude::*;
use crate::upgrading::{UpgradedCluster, addons, on_control_planes};

/// The phase `addon/coredns`.
pub struct Coredns;

impl Phase<Node> for Coredns {
    const ABOUT: &'static str = "Upgrade the CoreDNS addon";
    const RANK: u16 = 700;
    // What it changes belongs to the new control plane, and nothing is changed before that serves.
    const AFTER: &'static [&'static str] = &["control-plane"];

    type Input = (Read<UpgradedCluster>, Use<Kube>, Use<Probe>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        on_control_planes(seeds, "upgrade/addon")
    }

    async fn run(&self, (found, kube, probe): Self::Input, report: &Report) -> Result<(), Failure> {
        if addons::disabled(found.cluster.dns.disabled, "coredns", report)
            || addons::wait_for_others(&found, &kube, report).await?
        {
            return Ok(());
        }
        addons::coredns(&found, &kube, &probe, report).await
    }
}
