//! The control plane starves on one processor.

use async_trait::async_trait;

/// As kubeadm: `constants.ControlPlaneNumCPU`.
const MINIMUM: usize = 2;

use crate::checks::{Check, Finding, Subject};

/// The check `NumCPU`.
pub struct NumCpu;

#[async_trait]
impl Check for NumCpu {
    fn about(&self) -> &'static str {
        "Have two processors"
    }

    fn rank(&self) -> u16 {
        10
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let found = subject.probe.cpus();
        if found >= MINIMUM {
            return Vec::new();
        }
        let message = format!("the number of available CPUs {found} is less than the required {MINIMUM}");
        vec![Finding::error("NumCPU", message, "give the machine more processors")]
    }
}
