//! Lets the kubelet use its new client certificate.

use crate::prelude::*;
use crate::renewal::{RenewOptions, ensure_kubelet_in_use};

/// The phase `restart/kubelet`.
pub struct Kubelet;

impl Phase<Node> for Kubelet {
    const ABOUT: &'static str = "Restart the kubelet, if its certificate was renewed for it";
    const RANK: u16 = 300;
    // It is the kubelet that starts the others again, so it comes first; no value stands for the files.
    const AFTER: &'static [&'static str] = &["certificates"];

    type Input = (Read<RenewOptions>, Use<Files>, Use<Services>, Use<Probe>);
    type Output = ();

    async fn run(&self, (options, files, services, probe): Self::Input, report: &Report) -> Result<(), Failure> {
        ensure_kubelet_in_use(&options, &files, &services, &probe, report).await
    }
}
