//! From 1.37 the kubelet takes the cgroup driver from the runtime.

use async_trait::async_trait;
use kubewright_config::VersionFacts;
use kubewright_node::RuntimeError;

use crate::checks::{Check, Finding, Name, Subject, errors};

/// The check `ContainerRuntimeVersion`.
pub struct ContainerRuntimeVersion;

#[async_trait]
impl Check for ContainerRuntimeVersion {
    fn about(&self) -> &'static str {
        "Have a container runtime that tells its cgroup driver"
    }

    fn why(&self) -> &'static str {
        "From 1.37 on the kubelet takes the cgroup driver from the runtime alone, and does not start with one that cannot tell."
    }

    fn fix(&self) -> &'static str {
        "upgrade the container runtime: containerd 2.0 and CRI-O 1.28 can tell"
    }

    fn names(&self, facts: &VersionFacts) -> Vec<Name> {
        match facts.preflight.container_runtime_version {
            // A warning, unless the runtime answers with another error.
            true => errors(["ContainerRuntimeVersion"]),
            false => Vec::new(),
        }
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
            Err(RuntimeError::Unreachable { .. }) | Ok(_) => Vec::new(),
            Err(error) => vec![Finding::error(
                "ContainerRuntimeVersion",
                format!("could not check if the runtime config is available: {error}"),
                "look at its log: `journalctl -xeu containerd`",
            )],
        }
    }
}
