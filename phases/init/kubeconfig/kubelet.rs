//! Keeps or makes `kubelet.conf`.

use kubewright_pki::KubeconfigKind;

use crate::artifacts::ClusterCa;
use crate::credentials::Credentials;
use crate::prelude::*;

/// The phase `kubeconfig/kubelet`.
pub struct Kubelet;

impl Phase<Node> for Kubelet {
    const ABOUT: &'static str =
        "Generate a kubeconfig file for the kubelet to use *only* for cluster bootstrapping purposes";
    const RANK: u16 = 302;

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<VersionFacts>,
        Read<InitOptions>,
        Read<ClusterCa>,
        Use<Files>,
        Use<Clock>,
    );
    type Output = ();

    async fn run(
        &self,
        (init, cluster, facts, options, ca, files, clock): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let credentials = Credentials { init: &init, cluster: &cluster, facts: &facts, options: &options };
        credentials.ensure(KubeconfigKind::Kubelet, &ca, &files, &clock, report).await
    }
}
