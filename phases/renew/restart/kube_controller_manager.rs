//! Lets kube-controller-manager use its new certificates.

use crate::prelude::*;
use crate::renewal::{Component, RestartNeeds, ensure_in_use};

/// The phase `restart/kube-controller-manager`.
pub struct KubeControllerManager;

impl Phase<Node> for KubeControllerManager {
    const ABOUT: &'static str = "Restart kube-controller-manager, if it does not use its new certificates by itself";
    const RANK: u16 = 303;
    // One component at a time, after everything that is new is in its place; no value says that another one is well.
    const AFTER: &'static [&'static str] = &["certificates", "restart/kube-apiserver"];

    type Input = RestartNeeds;
    type Output = ();

    async fn run(&self, needs: RestartNeeds, report: &Report) -> Result<(), Failure> {
        ensure_in_use(Component::ControllerManager, needs, report).await
    }
}
