//! Stores the ClusterConfiguration with the new version, which `upgrade node` reads on other nodes.

use crate::prelude::*;
use crate::upgrading::{UpgradedCluster, uploads};

/// The phase `upload-config/kubeadm`.
pub struct Kubeadm;

impl Phase<Node> for Kubeadm {
    const ABOUT: &'static str = "Upload the kubeadm ClusterConfiguration to a ConfigMap";
    const RANK: u16 = 300;
    // What it changes belongs to the new control plane, and nothing is changed before that serves.
    const AFTER: &'static [&'static str] = &["control-plane"];

    type Input = (Read<UpgradedCluster>, Use<Kube>);
    type Output = ();

    async fn run(&self, (found, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        uploads::kubeadm(&found, &kube, report).await
    }
}
