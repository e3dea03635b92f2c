//! Renews `super-admin.conf`.

use kubewright_pki::KubeconfigKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, applies, outcomes, renew};

/// The phase `certificates/super-admin-conf`.
pub struct SuperAdminConf;

const CERTIFICATE: Managed = Managed::Kubeconfig(KubeconfigKind::SuperAdmin);

impl Phase<Node> for SuperAdminConf {
    const ABOUT: &'static str = "Renew the certificate in the kubeconfig of the super-admin";
    const RANK: u16 = 210;

    type Input = RenewNeeds;
    type Output = outcomes::SuperAdminConf;

    fn applies(&self, seeds: &Seeds) -> Applies {
        applies(CERTIFICATE, seeds, "the version has no super-admin")
    }

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::SuperAdminConf, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::SuperAdminConf)
    }
}
