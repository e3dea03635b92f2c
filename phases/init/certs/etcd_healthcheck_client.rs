//! Keeps or makes the certificate `etcd-healthcheck-client`.

use kubewright_pki::{CertificateKind, SanSet};

use crate::artifacts;
use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/etcd-healthcheck-client`.
pub struct EtcdHealthcheckClient;

impl Phase<Node> for EtcdHealthcheckClient {
    const ABOUT: &'static str = "Generate the certificate for liveness probes to healthcheck etcd";
    const RANK: u16 = 208;

    type Input = (Read<ClusterConfiguration>, Read<VersionFacts>, Read<artifacts::EtcdCa>, Use<Files>, Use<Clock>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        artifacts::local_etcd_certificate(seeds, CertificateKind::EtcdHealthcheckClient)
    }

    async fn run(&self, (cluster, facts, ca, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        let issuing = Issuing::new(&cluster, &facts, &clock);
        issuing.ensure_leaf(CertificateKind::EtcdHealthcheckClient, &ca.0, "", SanSet::default(), &files, report).await
    }
}
