//! Renews `front-proxy-client`.

use kubewright_pki::CertificateKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, outcomes, renew};

/// The phase `certificates/front-proxy-client`.
pub struct FrontProxyClient;

const CERTIFICATE: Managed = Managed::Pki(CertificateKind::FrontProxyClient);

impl Phase<Node> for FrontProxyClient {
    const ABOUT: &'static str = "Renew the certificate for the front proxy client";
    const RANK: u16 = 208;

    type Input = RenewNeeds;
    type Output = outcomes::FrontProxyClient;

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::FrontProxyClient, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::FrontProxyClient)
    }
}
