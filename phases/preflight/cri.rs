//! Without its container runtime a node runs nothing.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject, errors};

/// The check `CRI`.
pub struct Cri;

#[async_trait]
impl Check for Cri {
    fn about(&self) -> &'static str {
        "Reach a container runtime that is ready"
    }

    fn why(&self) -> &'static str {
        "The kubelet runs every pod through it, and images are pulled through it."
    }

    fn fix(&self) -> &'static str {
        "start the container runtime, or name its socket with --cri-socket or nodeRegistration.criSocket"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["CRI"])
    }

    fn rank(&self) -> u16 {
        140
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        if subject.docker() {
            // Nobody listens at dockershim's socket before the kubelet runs, so Docker itself is asked.
            let answer = subject.docker_cgroup_driver().await.err();
            let message = |error| format!("container runtime is not running: {error}");
            let finding = |error| Finding::error("CRI", message(error), "start it: `systemctl start docker`");
            return answer.map(finding).into_iter().collect();
        }
        let socket = &subject.init.node_registration.cri_socket;
        let fix = "start it (`systemctl start containerd`), or name another socket with --cri-socket or nodeRegistration.criSocket";
        match subject.runtime.status(socket).await {
            Err(error) => vec![Finding::error("CRI", format!("container runtime is not running: {error}"), fix)],
            Ok(status) if !status.ready => {
                let message = format!("container runtime is not ready: {}", status.message);
                vec![Finding::error("CRI", message, "look at its log: `journalctl -xeu containerd`")]
            }
            Ok(_) => Vec::new(),
        }
    }
}
