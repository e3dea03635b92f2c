//! Everything that follows writes to system directories.

use async_trait::async_trait;
use kubewright_config::VersionFacts;
use kubewright_node::Probe;

use crate::checks::{Check, Finding, Name, Subject, errors};

/// The check `IsPrivilegedUser`.
pub struct IsPrivilegedUser;

#[async_trait]
impl Check for IsPrivilegedUser {
    fn about(&self) -> &'static str {
        "Run as root"
    }

    fn why(&self) -> &'static str {
        "Directories of the system, the init system and the runtime's socket are open to root only."
    }

    fn fix(&self) -> &'static str {
        "run the same command with sudo"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["IsPrivilegedUser"])
    }

    fn rank(&self) -> u16 {
        0
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        look(subject.probe)
    }
}

/// The same for who has no cluster to speak of.
pub fn look(probe: &Probe) -> Vec<Finding> {
    if probe.effective_uid() == 0 {
        return Vec::new();
    }
    vec![Finding::error("IsPrivilegedUser", "user is not running as root", "run the same command with sudo")]
}
