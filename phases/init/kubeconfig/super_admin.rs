//! Keeps or makes `super-admin.conf`.

use kubewright_pki::KubeconfigKind;

use crate::artifacts::ClusterCa;
use crate::credentials::Credentials;
use crate::prelude::*;

/// The phase `kubeconfig/super-admin`.
pub struct SuperAdmin;

impl Phase<Node> for SuperAdmin {
    const ABOUT: &'static str = "Generate a kubeconfig file for the super-admin";
    const RANK: u16 = 301;

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

    fn applies(&self, seeds: &Seeds) -> Applies {
        match seeds.get::<VersionFacts>() {
            Some(facts) if !facts.credentials.super_admin => {
                Applies::No { why: "this Kubernetes version has no super-admin.conf".into() }
            }
            _ => Applies::Yes,
        }
    }

    async fn run(
        &self,
        (init, cluster, facts, options, ca, files, clock): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let credentials = Credentials { init: &init, cluster: &cluster, facts: &facts, options: &options };
        credentials.ensure(KubeconfigKind::SuperAdmin, &ca, &files, &clock, report).await
    }
}
