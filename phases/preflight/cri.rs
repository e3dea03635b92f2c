//! Without its container runtime a node runs nothing.

use async_trait::async_trait;

use crate::checks::{Check, Finding, Subject};

/// The check `CRI`.
pub struct Cri;

#[async_trait]
impl Check for Cri {
    fn about(&self) -> &'static str {
        "Reach a container runtime that is ready"
    }

    fn rank(&self) -> u16 {
        140
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
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
