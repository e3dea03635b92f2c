//! The control plane does not fit into less.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject, errors};

/// The check `Mem`.
pub struct Mem;

#[async_trait]
impl Check for Mem {
    fn about(&self) -> &'static str {
        "Have 1700 MiB of memory"
    }

    fn why(&self) -> &'static str {
        "With less the kernel kills etcd or kube-apiserver sooner or later."
    }

    fn fix(&self) -> &'static str {
        "give the machine 1700 MiB of memory or more"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["Mem"])
    }

    fn rank(&self) -> u16 {
        20
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let found = subject.probe.memory_mib();
        if found >= MINIMUM {
            return Vec::new();
        }
        let message = format!("the system RAM ({found} MB) is less than the minimum {MINIMUM} MB");
        vec![Finding::error("Mem", message, "give the machine more memory")]
    }
}

/// As kubeadm: `constants.ControlPlaneMem`, in MiB.
const MINIMUM: u64 = 1700;
