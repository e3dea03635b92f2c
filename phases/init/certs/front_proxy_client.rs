//! Keeps or makes the certificate `front-proxy-client`.

use kubewright_pki::{CertificateKind, SanSet};

use crate::artifacts;
use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/front-proxy-client`.
pub struct FrontProxyClient;

impl Phase<Node> for FrontProxyClient {
    const ABOUT: &'static str = "Generate the certificate for the front proxy client";
    const RANK: u16 = 204;

    type Input =
        (Read<ClusterConfiguration>, Read<VersionFacts>, Read<artifacts::FrontProxyCa>, Use<Files>, Use<Clock>);
    type Output = ();

    async fn run(&self, (cluster, facts, ca, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        let issuing = Issuing::new(&cluster, &facts, &clock);
        issuing.ensure_leaf(CertificateKind::FrontProxyClient, &ca.0, "", SanSet::default(), &files, report).await
    }
}
