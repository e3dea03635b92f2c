//! Where Docker runs the containers, it must run.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, LOOK_LIMIT, Name, Subject, errors, within};

/// The check `Service-docker`.
pub struct ServiceDocker;

#[async_trait]
impl Check for ServiceDocker {
    fn about(&self) -> &'static str {
        "Have Docker run, where it is the container runtime"
    }

    fn why(&self) -> &'static str {
        "Up to 1.23 the kubelet can speak to Docker; it looks at dockershim's socket only."
    }

    fn fix(&self) -> &'static str {
        "`systemctl enable --now docker`"
    }

    fn names(&self, facts: &VersionFacts) -> Vec<Name> {
        if facts.preflight.docker { errors(["Service-docker"]) } else { Vec::new() }
    }

    fn rank(&self) -> u16 {
        142
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        // A machine without an init system is what the check of the kubelet's service says.
        if !subject.docker() || subject.services.init_system().is_none() {
            return Vec::new();
        }
        let state = match within(LOOK_LIMIT, "the init system", subject.services.state("docker")).await {
            Ok(Ok(state)) => state,
            Ok(Err(error)) => return vec![Finding::warning("Service-docker", error.to_string(), self.fix())],
            Err(late) => return vec![Finding::warning("Service-docker", late, self.fix())],
        };
        if !state.exists {
            return vec![Finding::warning(
                "Service-docker",
                "docker service does not exist",
                "install Docker's package",
            )];
        }
        let mut findings = Vec::new();
        if !state.enabled {
            let message = "docker service is not enabled, please run 'systemctl enable docker.service'";
            findings.push(Finding::warning("Service-docker", message, "`systemctl enable docker`"));
        }
        if !state.active {
            let message = "docker service is not active, please run 'systemctl start docker.service'";
            findings.push(Finding::error("Service-docker", message, "`systemctl start docker`"));
        }
        findings
    }
}
