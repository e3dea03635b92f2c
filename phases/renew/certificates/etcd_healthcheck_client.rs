//! Renews `etcd-healthcheck-client`.

use kubewright_pki::CertificateKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, applies, outcomes, renew};

/// The phase `certificates/etcd-healthcheck-client`.
pub struct EtcdHealthcheckClient;

const CERTIFICATE: Managed = Managed::Pki(CertificateKind::EtcdHealthcheckClient);

impl Phase<Node> for EtcdHealthcheckClient {
    const ABOUT: &'static str = "Renew the certificate for liveness probes to healthcheck etcd";
    const RANK: u16 = 205;

    type Input = RenewNeeds;
    type Output = outcomes::EtcdHealthcheckClient;

    fn applies(&self, seeds: &Seeds) -> Applies {
        applies(CERTIFICATE, seeds, "etcd.external is configured, so there is no local etcd")
    }

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::EtcdHealthcheckClient, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::EtcdHealthcheckClient)
    }
}
