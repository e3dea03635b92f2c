//! Keeps or makes the authority `etcd/ca`.

use kubewright_pki::CertificateKind;

use crate::artifacts;
use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/etcd-ca`.
pub struct EtcdCa;

impl Phase<Node> for EtcdCa {
    const ABOUT: &'static str = "Generate the self-signed CA to provision identities for etcd";
    const RANK: u16 = 205;
    // Nothing may change on a node that fails its checks; no value says so, because single phases run without them.
    const AFTER: &'static [&'static str] = &["preflight"];

    type Input = (Read<ClusterConfiguration>, Read<VersionFacts>, Use<Files>, Use<Clock>);
    type Output = artifacts::EtcdCa;

    fn applies(&self, seeds: &Seeds) -> Applies {
        artifacts::local_etcd_certificate(seeds, CertificateKind::EtcdCa)
    }

    async fn run(
        &self,
        (cluster, facts, files, clock): Self::Input,
        report: &Report,
    ) -> Result<artifacts::EtcdCa, Failure> {
        let issuing = Issuing::new(&cluster, &facts, &clock);
        Ok(artifacts::EtcdCa(issuing.ensure_authority(CertificateKind::EtcdCa, &files, report).await?))
    }
}
