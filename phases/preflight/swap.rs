//! The kubelet refuses swap unless it is configured for it.

use async_trait::async_trait;

use crate::checks::{Check, Finding, Subject};

/// The check `Swap`.
pub struct Swap;

#[async_trait]
impl Check for Swap {
    fn about(&self) -> &'static str {
        "Run without swap"
    }

    fn rank(&self) -> u16 {
        160
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let swaps = subject.probe.read("/proc/swaps".into()).unwrap_or_default();
        if swaps.lines().filter(|line| !line.trim().is_empty()).count() <= 1 {
            return Vec::new();
        }
        let message = "swap is supported for cgroup v2 only. The kubelet must be properly configured to use swap";
        let finding = Finding::error("Swap", message, "turn it off: `swapoff -a`, and take it out of /etc/fstab");
        finding.with_severity(subject.facts.preflight.swap).into_iter().collect()
    }
}
