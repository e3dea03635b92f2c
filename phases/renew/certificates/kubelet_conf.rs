//! Renews `kubelet.conf`.

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, outcomes, renew};

/// The phase `certificates/kubelet-conf`.
pub struct KubeletConf;

const CERTIFICATE: Managed = Managed::KUBELET;

impl Phase<Node> for KubeletConf {
    const ABOUT: &'static str = "Renew the client certificate of the kubelet, if it could not renew it itself";
    const RANK: u16 = 211;

    type Input = RenewNeeds;
    type Output = outcomes::KubeletConf;

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::KubeletConf, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::KubeletConf)
    }
}
