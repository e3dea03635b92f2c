//! A kubelet that is not enabled does not come back after a reboot.

use async_trait::async_trait;
use kubewright_config::VersionFacts;
use kubewright_engine::Failure;

use crate::checks::{Check, Finding, LOOK_LIMIT, Name, Subject, warnings, within};

/// The check `Service-kubelet`.
pub struct ServiceKubelet;

#[async_trait]
impl Check for ServiceKubelet {
    fn about(&self) -> &'static str {
        "Have the kubelet start with the machine"
    }

    fn why(&self) -> &'static str {
        "After a reboot nobody would start the kubelet, and with it the control plane."
    }

    fn fix(&self) -> &'static str {
        "`systemctl enable kubelet`"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        warnings(["Service-kubelet"])
    }

    fn rank(&self) -> u16 {
        240
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let warning = |message: &str, fix: &str| vec![Finding::warning("Service-kubelet", message, fix)];
        if subject.services.init_system().is_none() {
            let message = "no supported init system detected, skipping checking for services";
            return warning(message, "make sure that the kubelet is started");
        }
        let state = within(LOOK_LIMIT, "the init system", subject.services.state("kubelet")).await;
        match state.unwrap_or_else(|late| Err(Failure::new(late))) {
            Ok(state) if !state.exists => warning("kubelet service does not exist", "install the kubelet's package"),
            Ok(state) if !state.enabled => {
                let enable = match subject.services.init_system() {
                    Some("OpenRC") => "rc-update add kubelet default",
                    _ => "systemctl enable kubelet.service",
                };
                let message = format!("kubelet service is not enabled, please run '{enable}'");
                warning(&message, &format!("`{enable}`"))
            }
            Ok(_) => Vec::new(),
            Err(error) => warning(&error.to_string(), "look at the init system"),
        }
    }
}
