//! Waits until the components of this node's control plane are healthy.

use crate::admission::Admission;
use crate::init::wait_control_plane::wait_components;
use crate::joining::{self, FoundCluster, own_admin};
use crate::prelude::*;

/// The phase `wait-control-plane`.
pub struct WaitControlPlane;

impl Phase<Node> for WaitControlPlane {
    const ABOUT: &'static str = "Wait for the control plane to start";
    const RANK: u16 = 800;
    // Nothing answers before the kubelet and the local etcd run, and no value stands for that.
    const AFTER: &'static [&'static str] = &["kubelet-wait-bootstrap", "etcd-join", "control-plane-join"];

    type Input = (Read<FoundCluster>, Use<Files>, Use<Kube>, Use<Probe>, Use<Runtime>, Use<Services>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        joining::control_plane(seeds)
    }

    async fn run(
        &self,
        (found, files, kube, probe, runtime, services): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let FoundCluster { init, cluster, facts, .. } = &*found;
        let admin = own_admin(&files, &found)?;
        let wait = wait_components(&admin, init, cluster, facts, &kube, &probe, &runtime, report);
        let components = &["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
        let socket = &init.node_registration.cri_socket;
        Admission { components, socket, files: &files, runtime: &runtime, services: &services }
            .secured(wait, report)
            .await
    }
}
