//! Keeps or makes `admin.conf`.

use kubewright_pki::KubeconfigKind;

use crate::artifacts::ClusterCa;
use crate::credentials::Credentials;
use crate::prelude::*;

/// The phase `kubeconfig/admin`.
pub struct Admin;

impl Phase<Node> for Admin {
    const ABOUT: &'static str = "Generate a kubeconfig file for the admin to use and for kubeadm itself";
    const RANK: u16 = 300;

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
        report.note("kubeconfig", format!("Using kubeconfig folder \"{}\"", options.kubeconfig_dir));
        let credentials = Credentials { init: &init, cluster: &cluster, facts: &facts, options: &options };
        credentials.ensure(KubeconfigKind::Admin, &ca, &files, &clock, report).await
    }
}
