//! Renews `admin.conf`.

use kubewright_pki::KubeconfigKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, outcomes, renew};

/// The phase `certificates/admin-conf`.
pub struct AdminConf;

const CERTIFICATE: Managed = Managed::Kubeconfig(KubeconfigKind::Admin);

impl Phase<Node> for AdminConf {
    const ABOUT: &'static str = "Renew the certificate in the kubeconfig of the administrator";
    const RANK: u16 = 200;

    type Input = RenewNeeds;
    type Output = outcomes::AdminConf;

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::AdminConf, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::AdminConf)
    }
}
