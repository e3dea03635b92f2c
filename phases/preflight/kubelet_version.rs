//! A kubelet may be older than its API server by some minors, and never newer.

use async_trait::async_trait;
use kubewright_config::KubernetesVersion;

use crate::checks::{Check, Finding, Subject};

/// The check `KubeletVersion`.
pub struct KubeletVersion;

#[async_trait]
impl Check for KubeletVersion {
    fn about(&self) -> &'static str {
        "Have a kubelet that fits the control plane"
    }

    fn rank(&self) -> u16 {
        230
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let wanted = &subject.facts.version;
        let error = |message: String, fix: &str| vec![Finding::error("KubeletVersion", message, fix)];
        let printed = match subject.probe.version_of("kubelet").await {
            Ok(printed) => printed,
            Err(cause) => {
                let message = format!("couldn't get kubelet version: {cause}");
                return error(message, "install the kubelet, and make sure that it is in PATH");
            }
        };
        let word = printed.split_whitespace().last().unwrap_or_default();
        let Ok(kubelet) = word.parse::<KubernetesVersion>() else {
            return error(format!("couldn't understand kubelet version `{word}`"), "install a released kubelet");
        };
        let behind = subject.facts.preflight.kubelet_minors_behind;
        if (kubelet.major(), kubelet.minor()) > (wanted.major(), wanted.minor()) {
            let message = format!("the kubelet version {kubelet} is higher than the control plane version {wanted}");
            return error(message, "install an older kubelet, or choose a newer --kubernetes-version");
        }
        if kubelet.minor() + behind < wanted.minor() {
            let message = format!("kubelet version {kubelet} is more than {behind} minors older than {wanted}");
            return error(message, "install a newer kubelet");
        }
        Vec::new()
    }
}
