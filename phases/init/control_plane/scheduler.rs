//! Writes the static pod of kube-scheduler.

use crate::prelude::*;
use crate::static_pods::write_component;

/// The phase `control-plane/scheduler`.
pub struct Scheduler;

impl Phase<Node> for Scheduler {
    const ABOUT: &'static str = "Generates the kube-scheduler static Pod manifest";
    const RANK: u16 = 502;
    // Nothing may change on a node that fails its checks; no value says so, because single phases run without them.
    // Without root, keys and kubeconfigs are given to the user that the component runs as, and all four phases that
    // write static pods add users to the same files: one after the other.
    const AFTER: &'static [&'static str] = &["preflight", "certs", "kubeconfig", "control-plane/controller-manager"];

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<VersionFacts>,
        Read<InitOptions>,
        Use<Files>,
        Use<Probe>,
    );
    type Output = ();

    async fn run(
        &self,
        (init, cluster, facts, options, files, probe): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        report.note("control-plane", "Creating static Pod manifest for \"kube-scheduler\"");
        write_component(kubewright_manifests::kube_scheduler, &init, &cluster, &facts, &options, &files, &probe, report)
    }
}
