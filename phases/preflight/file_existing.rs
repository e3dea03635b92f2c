//! The kubelet and kube-proxy call other programs.

use async_trait::async_trait;

use kubewright_config::facts::{BinaryCheck, Severity};

use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject};

/// Programs that kubeadm calls and we do not: we speak CRI ourselves. That one is missing is told, and stops nothing.
const NOT_OURS: &[&str] = &["crictl"];

/// The check `FileExisting-NAME`.
pub struct FileExisting;

#[async_trait]
impl Check for FileExisting {
    fn about(&self) -> &'static str {
        "Find the binaries that the kubelet calls"
    }

    fn why(&self) -> &'static str {
        "The kubelet and kube-proxy call these programs; without one, volumes or the network fail much later."
    }

    fn fix(&self) -> &'static str {
        "install the package that has the program, and see that its directory is in PATH"
    }

    fn names(&self, facts: &VersionFacts) -> Vec<Name> {
        let name = |check: &BinaryCheck| (format!("FileExisting-{}", check.name), severity(check));
        facts.preflight.binaries.iter().map(name).collect()
    }

    fn rank(&self) -> u16 {
        170
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let binaries = &subject.facts.preflight.binaries;
        let missing = |check: &BinaryCheck| {
            let name = &check.name;
            if (check.unless_docker && subject.docker()) || subject.probe.find_in_path(name).is_some() {
                return None;
            }
            let message = format!("{name} not found in system path");
            Finding::error(format!("FileExisting-{name}"), message, format!("install the package that has {name}"))
                .with_severity(severity(check))
        };
        binaries.iter().filter_map(missing).collect()
    }
}

fn severity(check: &BinaryCheck) -> Severity {
    match check.severity {
        Severity::Error if NOT_OURS.contains(&check.name.as_str()) => Severity::Warning,
        severity => severity,
    }
}
