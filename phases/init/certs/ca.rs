//! Keeps or makes the authority `ca`.

use kubewright_pki::CertificateKind;

use crate::artifacts;
use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/ca`.
pub struct Ca;

impl Phase<Node> for Ca {
    const ABOUT: &'static str =
        "Generate the self-signed Kubernetes CA to provision identities for other Kubernetes components";
    const RANK: u16 = 200;
    // Nothing may change on a node that fails its checks; no value says so, because single phases run without them.
    const AFTER: &'static [&'static str] = &["preflight"];

    type Input = (Read<ClusterConfiguration>, Read<VersionFacts>, Use<Files>, Use<Clock>);
    type Output = artifacts::ClusterCa;

    async fn run(
        &self,
        (cluster, facts, files, clock): Self::Input,
        report: &Report,
    ) -> Result<artifacts::ClusterCa, Failure> {
        report.note("certs", format!("Using certificateDir folder \"{}\"", cluster.certificates_dir));
        let issuing = Issuing::new(&cluster, &facts, &clock);
        Ok(artifacts::ClusterCa(issuing.ensure_authority(CertificateKind::Ca, &files, report).await?))
    }
}
