//! Brings the rules for joining nodes to the new version; tokens stay as they are.

use kubewright_manifests::rbac;

use crate::prelude::*;
use crate::upgrading::UpgradedCluster;

/// The phase `bootstrap-token`.
pub struct BootstrapToken;

impl Phase<Node> for BootstrapToken {
    const ABOUT: &'static str = "Configures bootstrap token and cluster-info RBAC rules";
    const RANK: u16 = 600;
    // What it changes belongs to the new control plane, and nothing is changed before that serves.
    const AFTER: &'static [&'static str] = &["control-plane"];

    type Input = (Read<UpgradedCluster>, Use<Kube>);
    type Output = ();

    async fn run(&self, (found, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        report.note("upgrade/bootstrap-token", "Configuring bootstrap token, cluster-info RBAC rules");
        for object in rbac::bootstrap(&found.facts)? {
            kube.apply(&found.admin.0, &object, report).await?;
        }
        Ok(())
    }
}
