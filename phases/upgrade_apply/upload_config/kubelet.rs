//! Stores the kubelets' configuration for the new version.

use crate::prelude::*;
use crate::upgrading::{UpgradedCluster, uploads};

/// The phase `upload-config/kubelet`.
pub struct Kubelet;

impl Phase<Node> for Kubelet {
    const ABOUT: &'static str = "Upload the kubelet configuration to a ConfigMap";
    const RANK: u16 = 301;
    // What it changes belongs to the new control plane, and nothing is changed before that serves.
    const AFTER: &'static [&'static str] = &["control-plane"];

    type Input = (Read<UpgradedCluster>, Use<Kube>);
    type Output = ();

    async fn run(&self, (found, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        uploads::kubelet(&found, &kube, report).await
    }
}
