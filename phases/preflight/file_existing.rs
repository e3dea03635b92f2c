//! The kubelet and kube-proxy call other programs.

use async_trait::async_trait;

use crate::checks::{Check, Finding, Subject};

/// The check `FileExisting-NAME`.
pub struct FileExisting;

#[async_trait]
impl Check for FileExisting {
    fn about(&self) -> &'static str {
        "Find the binaries that the kubelet calls"
    }

    fn rank(&self) -> u16 {
        170
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let binaries = &subject.facts.preflight.binaries;
        let missing = |check: &kubewright_config::facts::BinaryCheck| {
            let name = &check.name;
            if subject.probe.find_in_path(name).is_some() {
                return None;
            }
            let message = format!("{name} not found in system path");
            Finding::error(format!("FileExisting-{name}"), message, format!("install the package that has {name}"))
                .with_severity(check.severity)
        };
        binaries.iter().filter_map(missing).collect()
    }
}
