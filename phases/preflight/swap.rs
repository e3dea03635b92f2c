//! The kubelet refuses swap unless it is configured for it.

use async_trait::async_trait;
use kubewright_config::VersionFacts;
use kubewright_config::facts::Severity;

use crate::checks::{Check, Finding, Name, Subject};

/// The check `Swap`.
pub struct Swap;

#[async_trait]
impl Check for Swap {
    fn about(&self) -> &'static str {
        "Run without swap"
    }

    fn why(&self) -> &'static str {
        "A kubelet that is not configured for swap does not start where there is some."
    }

    fn fix(&self) -> &'static str {
        "turn swap off (`swapoff -a`, and out of /etc/fstab), or set failSwapOn and memorySwap in KubeletConfiguration"
    }

    fn names(&self, facts: &VersionFacts) -> Vec<Name> {
        vec![("Swap".to_owned(), facts.preflight.swap)]
    }

    fn rank(&self) -> u16 {
        160
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let swaps = subject.probe.read("/proc/swaps".into()).unwrap_or_default();
        if swaps.lines().filter(|line| !line.trim().is_empty()).count() <= 1 {
            return Vec::new();
        }
        let message = match subject.facts.preflight.swap {
            Severity::Error => "running with swap on is not supported. Please disable swap",
            _ => "swap is supported for cgroup v2 only. The kubelet must be properly configured to use swap",
        };
        let finding = Finding::error("Swap", message, "turn it off: `swapoff -a`, and take it out of /etc/fstab");
        finding.with_severity(subject.facts.preflight.swap).into_iter().collect()
    }
}
