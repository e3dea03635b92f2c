//! Keeps or makes the certificate `apiserver-kubelet-client`.

use kubewright_pki::{CertificateKind, SanSet};

use crate::artifacts;
use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/apiserver-kubelet-client`.
pub struct ApiserverKubeletClient;

impl Phase<Node> for ApiserverKubeletClient {
    const ABOUT: &'static str = "Generate the certificate for the API server to connect to kubelet";
    const RANK: u16 = 202;

    type Input = (Read<ClusterConfiguration>, Read<VersionFacts>, Read<artifacts::ClusterCa>, Use<Files>, Use<Clock>);
    type Output = ();

    async fn run(&self, (cluster, facts, ca, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        let issuing = Issuing::new(&cluster, &facts, &clock);
        issuing.ensure_leaf(CertificateKind::ApiserverKubeletClient, &ca.0, "", SanSet::default(), &files, report).await
    }
}
