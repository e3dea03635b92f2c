//! The control plane starves on one processor.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject, errors};

/// The check `NumCPU`.
pub struct NumCpu;

#[async_trait]
impl Check for NumCpu {
    fn about(&self) -> &'static str {
        "Have two processors"
    }

    fn why(&self) -> &'static str {
        "kube-apiserver, etcd and the controllers starve each other on one processor; leader elections and health checks then time out."
    }

    fn fix(&self) -> &'static str {
        "give the machine a second processor"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["NumCPU"])
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

/// As kubeadm: `constants.ControlPlaneNumCPU`.
const MINIMUM: usize = 2;
