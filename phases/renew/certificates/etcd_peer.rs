//! Renews `etcd-peer`.

use kubewright_pki::CertificateKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, applies, outcomes, renew};

/// The phase `certificates/etcd-peer`.
pub struct EtcdPeer;

const CERTIFICATE: Managed = Managed::Pki(CertificateKind::EtcdPeer);

impl Phase<Node> for EtcdPeer {
    const ABOUT: &'static str = "Renew the certificate for etcd nodes to communicate with each other";
    const RANK: u16 = 206;

    type Input = RenewNeeds;
    type Output = outcomes::EtcdPeer;

    fn applies(&self, seeds: &Seeds) -> Applies {
        applies(CERTIFICATE, seeds, "etcd.external is configured, so there is no local etcd")
    }

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::EtcdPeer, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::EtcdPeer)
    }
}
