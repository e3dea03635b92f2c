//! What is left to do when all else serves: control planes get the labels and taints of the new version, and flags that the
//! new kubelet refuses are taken out.

use crate::prelude::*;
use crate::upgrading::{UpgradedCluster, node_files, roles};

/// The phase `post-upgrade`.
pub struct PostUpgrade;

impl Phase<Node> for PostUpgrade {
    const ABOUT: &'static str = "Run post upgrade tasks";
    const RANK: u16 = 800;
    // It ends the upgrade.
    const AFTER: &'static [&'static str] =
        &["control-plane", "kubeconfig", "kubelet-config", "addon", "upload-config", "bootstrap-token"];

    type Input = (Read<UpgradedCluster>, Use<Files>, Use<Kube>);
    type Output = ();

    async fn run(&self, (found, files, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        roles::rename(&found, &kube, report).await?;
        node_files::drop_obsolete_flags(&found, &files, report)
    }
}
