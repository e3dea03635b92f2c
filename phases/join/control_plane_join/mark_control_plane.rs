//! Labels the Node as part of the control plane and keeps ordinary pods away from it.

use crate::cluster_status;
use crate::init::mark_control_plane::mark;
use crate::joining::{self, FoundCluster, admin};
use crate::prelude::*;

/// The phase `control-plane-join/mark-control-plane`.
pub struct MarkControlPlane;

impl Phase<Node> for MarkControlPlane {
    const ABOUT: &'static str = "Mark a node as a control-plane";
    const RANK: u16 = 700;
    // The kubelet registers the node once it has its certificate.
    const AFTER: &'static [&'static str] = &["kubelet-wait-bootstrap"];

    type Input = (Read<FoundCluster>, Use<Files>, Use<Kube>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        joining::control_plane(seeds)
    }

    async fn run(&self, (found, files, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        let admin = admin(&files, &found)?;
        mark(&found.init, &found.facts, &admin, &kube, report).await?;
        // kubeadm of 1.20 and 1.21 has a phase of its own for it, `update-status`, which is no more since.
        cluster_status::add_own(&found.init, &found.facts, &admin, &kube, report).await
    }
}
