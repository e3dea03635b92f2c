//! Two managers of one tree of control groups fight.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject, warnings};

/// The check `IsDockerSystemdCheck`.
pub struct IsDockerSystemdCheck;

#[async_trait]
impl Check for IsDockerSystemdCheck {
    fn about(&self) -> &'static str {
        "Have Docker leave control groups to systemd"
    }

    fn why(&self) -> &'static str {
        "systemd and Docker on the same tree count memory and processors differently, and nodes become unstable under load."
    }

    fn fix(&self) -> &'static str {
        "set `\"exec-opts\": [\"native.cgroupdriver=systemd\"]` in /etc/docker/daemon.json, and restart Docker"
    }

    fn names(&self, facts: &VersionFacts) -> Vec<Name> {
        if facts.preflight.docker { warnings(["IsDockerSystemdCheck"]) } else { Vec::new() }
    }

    fn rank(&self) -> u16 {
        144
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        if !subject.docker() {
            return Vec::new();
        }
        match subject.docker_cgroup_driver().await {
            Ok(driver) if driver != "systemd" => {
                let message = format!(
                    "detected \"{driver}\" as the Docker cgroup driver. The recommended driver is \"systemd\". Please follow \
                     the guide at https://kubernetes.io/docs/setup/cri/"
                );
                vec![Finding::warning("IsDockerSystemdCheck", message, self.fix())]
            }
            // A Docker that does not answer is what the check CRI says.
            _ => Vec::new(),
        }
    }
}
