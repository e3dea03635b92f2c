//! Writes the static pod of kube-apiserver.

use crate::prelude::*;
use crate::static_pods::write_component;

/// The phase `control-plane/apiserver`.
pub struct Apiserver;

impl Phase<Node> for Apiserver {
    const ABOUT: &'static str = "Generates the kube-apiserver static Pod manifest";
    const RANK: u16 = 500;
    // Nothing may change on a node that fails its checks; no value says so, because single phases run without them.
    // Without root, keys and kubeconfigs are given to the user that the component runs as, and all four phases that
    // write static pods add users to the same files: one after the other.
    const AFTER: &'static [&'static str] = &["preflight", "certs", "kubeconfig", "etcd"];

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
        report.note("control-plane", format!("Using manifest folder \"{}\"", paths::MANIFESTS_DIR));
        report.note("control-plane", "Creating static Pod manifest for \"kube-apiserver\"");
        write_component(kubewright_manifests::kube_apiserver, &init, &cluster, &facts, &options, &files, &probe, report)
    }
}
