//! Renews `apiserver-kubelet-client`.

use kubewright_pki::CertificateKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, outcomes, renew};

/// The phase `certificates/apiserver-kubelet-client`.
pub struct ApiserverKubeletClient;

const CERTIFICATE: Managed = Managed::Pki(CertificateKind::ApiserverKubeletClient);

impl Phase<Node> for ApiserverKubeletClient {
    const ABOUT: &'static str = "Renew the certificate for the API server to connect to kubelet";
    const RANK: u16 = 203;

    type Input = RenewNeeds;
    type Output = outcomes::ApiserverKubeletClient;

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::ApiserverKubeletClient, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::ApiserverKubeletClient)
    }
}
