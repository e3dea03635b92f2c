//! Renews `apiserver-etcd-client`.

use kubewright_pki::CertificateKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, applies, outcomes, renew};

/// The phase `certificates/apiserver-etcd-client`.
pub struct ApiserverEtcdClient;

const CERTIFICATE: Managed = Managed::Pki(CertificateKind::ApiserverEtcdClient);

impl Phase<Node> for ApiserverEtcdClient {
    const ABOUT: &'static str = "Renew the certificate the apiserver uses to access etcd";
    const RANK: u16 = 202;

    type Input = RenewNeeds;
    type Output = outcomes::ApiserverEtcdClient;

    fn applies(&self, seeds: &Seeds) -> Applies {
        applies(CERTIFICATE, seeds, "etcd.external is configured, so there is no local etcd")
    }

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::ApiserverEtcdClient, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::ApiserverEtcdClient)
    }
}
