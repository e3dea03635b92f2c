//! Renews `scheduler.conf`.

use kubewright_pki::KubeconfigKind;

use crate::prelude::*;
use crate::renewal::{Managed, RenewNeeds, outcomes, renew};

/// The phase `certificates/scheduler-conf`.
pub struct SchedulerConf;

const CERTIFICATE: Managed = Managed::Kubeconfig(KubeconfigKind::Scheduler);

impl Phase<Node> for SchedulerConf {
    const ABOUT: &'static str = "Renew the certificate in the kubeconfig of the scheduler";
    const RANK: u16 = 209;

    type Input = RenewNeeds;
    type Output = outcomes::SchedulerConf;

    async fn run(&self, needs: RenewNeeds, report: &Report) -> Result<outcomes::SchedulerConf, Failure> {
        renew(CERTIFICATE, needs, report).await.map(outcomes::SchedulerConf)
    }
}
