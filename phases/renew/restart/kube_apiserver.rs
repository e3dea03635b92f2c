//! Lets kube-apiserver use its new certificates.

use crate::prelude::*;
use crate::renewal::{Component, RestartNeeds, ensure_in_use};

/// The phase `restart/kube-apiserver`.
pub struct KubeApiserver;

impl Phase<Node> for KubeApiserver {
    const ABOUT: &'static str = "Restart kube-apiserver, if it does not use its new certificates by itself";
    const RANK: u16 = 302;
    // One component at a time, after everything that is new is in its place; no value says that another one is well.
    const AFTER: &'static [&'static str] = &["certificates", "restart/etcd"];

    type Input = RestartNeeds;
    type Output = ();

    async fn run(&self, needs: RestartNeeds, report: &Report) -> Result<(), Failure> {
        ensure_in_use(Component::ApiServer, needs, report).await
    }
}
