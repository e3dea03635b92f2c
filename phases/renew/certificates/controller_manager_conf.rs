//! Renews `controller-manager.conf`.

use kubewright_pki::KubeconfigKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, outcomes, renew};

/// The phase `certificates/controller-manager-conf`.
pub struct ControllerManagerConf;

const CERTIFICATE: Managed = Managed::Kubeconfig(KubeconfigKind::ControllerManager);

impl Phase<Node> for ControllerManagerConf {
    const ABOUT: &'static str = "Renew the certificate in the kubeconfig of the controller manager";
    const RANK: u16 = 204;

    type Input = RenewNeeds;
    type Output = outcomes::ControllerManagerConf;

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::ControllerManagerConf, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::ControllerManagerConf)
    }
}
