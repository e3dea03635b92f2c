//! From 1.37 the kubelet takes the cgroup driver from the runtime.

use async_trait::async_trait;
use kubewright_node::RuntimeError;

use crate::checks::{Check, Finding, Subject};

/// The check `ContainerRuntimeVersion`.
pub struct ContainerRuntimeVersion;

#[async_trait]
impl Check for ContainerRuntimeVersion {
    fn about(&self) -> &'static str {
        "Have a container runtime that tells its cgroup driver"
    }

    fn rank(&self) -> u16 {
        150
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        if !subject.facts.preflight.container_runtime_version {
            return Vec::new();
        }
        let socket = &subject.init.node_registration.cri_socket;
        match subject.runtime.cgroup_driver(socket).await {
            Err(error @ RuntimeError::Unimplemented { .. }) => vec![Finding::warning(
                "ContainerRuntimeVersion",
                format!("{error}, which newer kubelets need"),
                "upgrade the container runtime (containerd 2.0 has it)",
            )],
            // That it cannot be reached is what the check CRI says.
            _ => Vec::new(),
        }
    }
}
