//! Writes the static pods of the new control plane.

use kubewright_manifests::{ControlPlaneNode, ManifestError, StaticPod};

use crate::joining::{self, FoundCluster};
use crate::prelude::*;
use crate::static_pods::write_component;

type Render = fn(&ControlPlaneNode<'_>) -> Result<StaticPod, ManifestError>;

/// The phase `control-plane-prepare/control-plane`.
pub struct ControlPlane;

impl Phase<Node> for ControlPlane {
    const ABOUT: &'static str = "Generate the manifests for the new control plane components";
    const RANK: u16 = 230;
    // Without root, keys and kubeconfigs are given to the users that the components run as.
    const AFTER: &'static [&'static str] = &["control-plane-prepare/certs", "control-plane-prepare/kubeconfig"];

    type Input = (Read<JoinOptions>, Read<FoundCluster>, Use<Files>, Use<Probe>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        joining::control_plane(seeds)
    }

    async fn run(&self, (options, found, files, probe): Self::Input, report: &Report) -> Result<(), Failure> {
        let FoundCluster { init, cluster, facts, .. } = &*found;
        let options = options.as_init();
        report.note("control-plane", format!("Using manifest folder \"{}\"", paths::MANIFESTS_DIR));
        let components: [(&str, Render); 3] = [
            ("kube-apiserver", kubewright_manifests::kube_apiserver),
            ("kube-controller-manager", kubewright_manifests::kube_controller_manager),
            ("kube-scheduler", kubewright_manifests::kube_scheduler),
        ];
        for (name, render) in components {
            report.note("control-plane", format!("Creating static Pod manifest for \"{name}\""));
            write_component(render, init, cluster, facts, &options, &files, &probe, report)?;
        }
        Ok(())
    }
}
