//! A kubelet may be older than its API server by some minors, and never newer.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, KubeletUnknown, Name, Subject, errors};

/// The check `KubeletVersion`.
pub struct KubeletVersion;

#[async_trait]
impl Check for KubeletVersion {
    fn about(&self) -> &'static str {
        "Have a kubelet that fits the control plane"
    }

    fn why(&self) -> &'static str {
        "A kubelet speaks with API servers of its own version or newer; a much older one does not know the configuration."
    }

    fn fix(&self) -> &'static str {
        "install a kubelet of the control plane's minor, or choose another --kubernetes-version"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["KubeletVersion"])
    }

    fn rank(&self) -> u16 {
        230
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let wanted = &subject.facts.version;
        let error = |message: String, fix: &str| vec![Finding::error("KubeletVersion", message, fix)];
        let kubelet = match subject.kubelet_version().await {
            Ok(kubelet) => kubelet,
            Err(unknown @ KubeletUnknown::NotRun(_)) => {
                return error(unknown.to_string(), "install the kubelet, and make sure that it is in PATH");
            }
            Err(unknown) => return error(unknown.to_string(), "install a released kubelet"),
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
