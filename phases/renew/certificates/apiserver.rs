//! Renews `apiserver`.

use kubewright_pki::CertificateKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, outcomes, renew};

/// The phase `certificates/apiserver`.
pub struct Apiserver;

const CERTIFICATE: Managed = Managed::Pki(CertificateKind::Apiserver);

impl Phase<Node> for Apiserver {
    const ABOUT: &'static str = "Renew the certificate for serving the Kubernetes API";
    const RANK: u16 = 201;

    type Input = RenewNeeds;
    type Output = outcomes::Apiserver;

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::Apiserver, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::Apiserver)
    }
}
