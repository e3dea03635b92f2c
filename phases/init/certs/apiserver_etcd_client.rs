//! Keeps or makes the certificate `apiserver-etcd-client`.

use kubewright_pki::{CertificateKind, SanSet};

use crate::artifacts;
use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/apiserver-etcd-client`.
pub struct ApiserverEtcdClient;

impl Phase<Node> for ApiserverEtcdClient {
    const ABOUT: &'static str = "Generate the certificate the apiserver uses to access etcd";
    const RANK: u16 = 209;

    type Input = (Read<ClusterConfiguration>, Read<VersionFacts>, Read<artifacts::EtcdCa>, Use<Files>, Use<Clock>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        artifacts::local_etcd_certificate(seeds, CertificateKind::ApiserverEtcdClient)
    }

    async fn run(&self, (cluster, facts, ca, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        let issuing = Issuing::new(&cluster, &facts, &clock);
        issuing.ensure_leaf(CertificateKind::ApiserverEtcdClient, &ca.0, "", SanSet::default(), &files, report).await
    }
}
