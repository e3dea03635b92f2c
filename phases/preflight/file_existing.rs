//! The kubelet and kube-proxy call other programs.

use async_trait::async_trait;

use kubewright_config::facts::{BinaryCheck, Severity};

use crate::checks::{Check, Finding, Subject};

/// Programs that kubeadm calls and we do not: we speak CRI ourselves. That one is missing is told, and stops nothing.
const NOT_OURS: &[&str] = &["crictl"];

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
        let missing = |check: &BinaryCheck| {
            let name = &check.name;
            if subject.probe.find_in_path(name).is_some() {
                return None;
            }
            let severity = match check.severity {
                Severity::Error if NOT_OURS.contains(&name.as_str()) => Severity::Warning,
                severity => severity,
            };
            let message = format!("{name} not found in system path");
            Finding::error(format!("FileExisting-{name}"), message, format!("install the package that has {name}"))
                .with_severity(severity)
        };
        binaries.iter().filter_map(missing).collect()
    }
}
