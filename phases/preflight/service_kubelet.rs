//! A kubelet that is not enabled does not come back after a reboot.

use async_trait::async_trait;

use crate::checks::{Check, Finding, Subject};

/// The check `Service-kubelet`.
pub struct ServiceKubelet;

#[async_trait]
impl Check for ServiceKubelet {
    fn about(&self) -> &'static str {
        "Have the kubelet start with the machine"
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
        match subject.services.state("kubelet").await {
            Ok(state) if !state.exists => warning("kubelet service does not exist", "install the kubelet's package"),
            Ok(state) if !state.enabled => {
                warning("kubelet service is not enabled, please run 'systemctl enable kubelet.service'", "enable it")
            }
            Ok(_) => Vec::new(),
            Err(error) => warning(&error.to_string(), "look at the init system"),
        }
    }
}
