//! Keeps or makes the authority `front-proxy-ca`.

use kubewright_pki::CertificateKind;

use crate::artifacts;
use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/front-proxy-ca`.
pub struct FrontProxyCa;

impl Phase<Node> for FrontProxyCa {
    const ABOUT: &'static str = "Generate the self-signed CA to provision identities for front proxy";
    const RANK: u16 = 203;
    // Nothing may change on a node that fails its checks; no value says so, because single phases run without them.
    const AFTER: &'static [&'static str] = &["preflight"];

    type Input = (Read<ClusterConfiguration>, Read<VersionFacts>, Use<Files>, Use<Clock>);
    type Output = artifacts::FrontProxyCa;

    async fn run(
        &self,
        (cluster, facts, files, clock): Self::Input,
        report: &Report,
    ) -> Result<artifacts::FrontProxyCa, Failure> {
        let issuing = Issuing::new(&cluster, &facts, &clock);
        Ok(artifacts::FrontProxyCa(issuing.ensure_authority(CertificateKind::FrontProxyCa, &files, report).await?))
    }
}
