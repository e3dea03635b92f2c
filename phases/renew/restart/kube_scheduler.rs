//! Lets kube-scheduler use its new certificates.

use crate::prelude::*;
use crate::renewal::{Component, RestartNeeds, ensure_in_use};

/// The phase `restart/kube-scheduler`.
pub struct KubeScheduler;

impl Phase<Node> for KubeScheduler {
    const ABOUT: &'static str = "Restart kube-scheduler, if it does not use its new certificates by itself";
    const RANK: u16 = 304;
    // One component at a time, after everything that is new is in its place; no value says that another one is well.
    const AFTER: &'static [&'static str] = &["certificates", "restart/kube-controller-manager"];

    type Input = RestartNeeds;
    type Output = ();

    async fn run(&self, needs: RestartNeeds, report: &Report) -> Result<(), Failure> {
        ensure_in_use(Component::Scheduler, needs, report).await
    }
}
