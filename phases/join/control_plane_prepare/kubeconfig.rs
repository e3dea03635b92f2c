//! Keeps or makes the kubeconfig files of the new control plane. The kubelet gets its own by the TLS bootstrap.

use kubewright_pki::{CertificateKind, KubeconfigKind};

use crate::artifacts::ClusterCa;
use crate::credentials::Credentials;
use crate::issuing::read_authority;
use crate::joining::{self, FoundCluster};
use crate::prelude::*;

/// The phase `control-plane-prepare/kubeconfig`.
pub struct Kubeconfig;

impl Phase<Node> for Kubeconfig {
    const ABOUT: &'static str = "Generate the kubeconfig for the new control plane components";
    const RANK: u16 = 220;
    // They are signed by the authority that is fetched there.
    const AFTER: &'static [&'static str] = &["control-plane-prepare/download-certs"];

    type Input = (Read<JoinOptions>, Read<FoundCluster>, Use<Files>, Use<Clock>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        joining::control_plane(seeds)
    }

    async fn run(&self, (options, found, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        let FoundCluster { init, cluster, facts, .. } = &*found;
        let options = options.as_init();
        report.note("kubeconfig", "Generating kubeconfig files");
        report.note("kubeconfig", format!("Using kubeconfig folder \"{}\"", options.kubeconfig_dir));
        let authority = read_authority(cluster, CertificateKind::Ca, |path| files.read(path))?;
        let authority = ClusterCa(authority.ok_or_else(|| {
            Failure::new(format!("the cluster's authority `{}` is not here", cluster.certificate_path("ca.crt")))
                .hint("copy the shared certificates from another control plane, or give --certificate-key")
        })?);
        let credentials = Credentials { init, cluster, facts, options: &options };
        for kind in [KubeconfigKind::Admin, KubeconfigKind::ControllerManager, KubeconfigKind::Scheduler] {
            credentials.ensure(kind, &authority, &files, &clock, report).await?;
        }
        Ok(())
    }
}
