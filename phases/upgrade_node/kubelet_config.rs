//! Writes the kubelet's configuration of this node as the cluster has it.

use crate::prelude::*;
use crate::upgrading::{UpgradedCluster, node_files};

/// The phase `kubelet-config`.
pub struct KubeletConfig;

impl Phase<Node> for KubeletConfig {
    const ABOUT: &'static str = "Upgrade the kubelet configuration for this node";
    const RANK: u16 = 500;
    // What it changes belongs to the new control plane, and nothing is changed before that serves.
    const AFTER: &'static [&'static str] = &["control-plane"];

    type Input = (Read<UpgradedCluster>, Use<Files>, Use<Probe>);
    type Output = ();

    async fn run(&self, (found, files, probe): Self::Input, report: &Report) -> Result<(), Failure> {
        node_files::write_configuration(&found, &files, &probe, report)
    }
}
