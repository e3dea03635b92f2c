//! Renews `etcd-server`.

use kubewright_pki::CertificateKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, applies, outcomes, renew};

/// The phase `certificates/etcd-server`.
pub struct EtcdServer;

const CERTIFICATE: Managed = Managed::Pki(CertificateKind::EtcdServer);

impl Phase<Node> for EtcdServer {
    const ABOUT: &'static str = "Renew the certificate for serving etcd";
    const RANK: u16 = 207;

    type Input = RenewNeeds;
    type Output = outcomes::EtcdServer;

    fn applies(&self, seeds: &Seeds) -> Applies {
        applies(CERTIFICATE, seeds, "etcd.external is configured, so there is no local etcd")
    }

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::EtcdServer, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::EtcdServer)
    }
}
