//! Stores the ClusterConfiguration again as it was, if the upgrade that is taken back was the cluster's.

use crate::prelude::*;
use crate::upgrade_rollback::control_plane::RolledBack;
use crate::upgrading::uploads::store_text;

/// The phase `upload-config`.
pub struct UploadConfig;

impl Phase<Node> for UploadConfig {
    const ABOUT: &'static str = "Store the ClusterConfiguration as it was before the upgrade";
    const RANK: u16 = 200;

    type Input = (Read<RolledBack>, Use<Kube>);
    type Output = ();

    async fn run(&self, (back, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        if !back.whole_cluster {
            report.note("upgrade/rollback", "The cluster's configuration stays: only this node had been upgraded");
            return Ok(());
        }
        let found = &back.found;
        report.note(
            "upload-config",
            "Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace",
        );
        store_text(found, &found.before.cluster_configuration, &found.old, &kube, report).await
    }
}
