//! Keeps or makes `controller-manager.conf`.

use kubewright_pki::KubeconfigKind;

use crate::artifacts::ClusterCa;
use crate::credentials::Credentials;
use crate::prelude::*;

/// The phase `kubeconfig/controller-manager`.
pub struct ControllerManager;

impl Phase<Node> for ControllerManager {
    const ABOUT: &'static str = "Generate a kubeconfig file for the controller manager to use";
    const RANK: u16 = 303;

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
        credentials.ensure(KubeconfigKind::ControllerManager, &ca, &files, &clock, report).await
    }
}
