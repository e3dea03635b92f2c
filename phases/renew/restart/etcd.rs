//! Lets etcd use its new certificates.

use crate::prelude::*;
use crate::renewal::{Component, RestartNeeds, ensure_in_use};

/// The phase `restart/etcd`.
pub struct Etcd;

impl Phase<Node> for Etcd {
    const ABOUT: &'static str = "Restart etcd, if it does not use its new certificates by itself";
    const RANK: u16 = 301;
    // One component at a time, after everything that is new is in its place; no value says that another one is well.
    const AFTER: &'static [&'static str] = &["certificates", "restart/kubelet"];

    type Input = RestartNeeds;
    type Output = ();

    async fn run(&self, needs: RestartNeeds, report: &Report) -> Result<(), Failure> {
        ensure_in_use(Component::Etcd, needs, report).await
    }
}
