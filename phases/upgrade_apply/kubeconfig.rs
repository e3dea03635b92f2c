//! Lets the kubelet of a control plane talk to the API server beside it, in versions that want that.

use crate::prelude::*;
use crate::upgrading::{UpgradeOptions, UpgradedCluster, node_files, on_control_planes};

/// The phase `kubeconfig`.
pub struct Kubeconfig;

impl Phase<Node> for Kubeconfig {
    const ABOUT: &'static str = "Upgrade kubeconfig files for this node";
    const RANK: u16 = 400;
    // What it changes belongs to the new control plane, and nothing is changed before that serves.
    const AFTER: &'static [&'static str] = &["control-plane"];

    type Input = (Read<UpgradeOptions>, Read<UpgradedCluster>, Use<Files>, Use<Services>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        on_control_planes(seeds, "upgrade/kubeconfig")
    }

    async fn run(&self, (options, found, files, services): Self::Input, report: &Report) -> Result<(), Failure> {
        node_files::point_kubelet(&found, &options, &files, &services, report).await
    }
}
