//! The container runtime over CRI v1 (gRPC on a unix socket): containerd, CRI-O and whatever else speaks it.

mod connection;
mod messages;
mod one_shot;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use kubewright_node::{ContainerInfo, OneShot, RuntimeBackend, RuntimeError, RuntimeStatus, Sandbox};
use serde::Deserialize;
use time::OffsetDateTime;

use connection::{Call, Connection};
use messages as cri;

const fn runtime(method: &'static str) -> Call {
    Call { service: "RuntimeService", method }
}

const fn images(method: &'static str) -> Call {
    Call { service: "ImageService", method }
}

/// The container runtime at a socket: `unix:///run/containerd/containerd.sock`, or only the path. Every call connects
/// anew, which costs about a millisecond and never meets a connection that a restart has broken.
#[derive(Debug, Default)]
pub struct CriRuntime {}

impl CriRuntime {
    /// Makes it; nothing is connected yet.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl RuntimeBackend for CriRuntime {
    async fn status(&self, socket: &str) -> Result<RuntimeStatus, RuntimeError> {
        let connection = Connection::open_briefly(socket).await?;
        let version: cri::VersionResponse = connection.ask(runtime("Version"), cri::VersionRequest {}).await?;
        let status: cri::StatusResponse =
            connection.ask(runtime("Status"), cri::StatusRequest { verbose: true }).await?;
        let sandbox_image = status.info.get("config").and_then(|config| sandbox_image(config));
        let conditions = status.status.unwrap_or_default().conditions;
        let broken = conditions.iter().find(|condition| condition.r#type == "RuntimeReady" && !condition.status);
        Ok(RuntimeStatus {
            name: version.runtime_name,
            version: version.runtime_version,
            ready: broken.is_none(),
            message: broken.map(reason).unwrap_or_default(),
            sandbox_image,
        })
    }

    async fn cgroup_driver(&self, socket: &str) -> Result<String, RuntimeError> {
        let connection = Connection::open_briefly(socket).await?;
        let call = runtime("RuntimeConfig");
        let config: cri::RuntimeConfigResponse = connection.ask(call, cri::RuntimeConfigRequest {}).await?;
        let driver = config.linux.map(|linux| linux.cgroup_driver());
        match driver {
            Some(cri::CgroupDriver::Systemd) => Ok("systemd".into()),
            Some(cri::CgroupDriver::Cgroupfs) => Ok("cgroupfs".into()),
            None => Err(RuntimeError::Failed {
                socket: socket.to_owned(),
                call: call.method,
                message: "its answer says nothing about Linux".into(),
            }),
        }
    }

    async fn has_image(&self, socket: &str, image: &str) -> Result<bool, RuntimeError> {
        let connection = Connection::open(socket).await?;
        let status: cri::ImageStatusResponse = connection.ask(images("ImageStatus"), named(image)).await?;
        Ok(status.image.is_some())
    }

    async fn pull(&self, socket: &str, image: &str) -> Result<(), RuntimeError> {
        let connection = Connection::open(socket).await?;
        let _: cri::PullImageResponse = connection.wait_for(images("PullImage"), named(image)).await?;
        Ok(())
    }

    async fn containers(&self, socket: &str) -> Result<Vec<ContainerInfo>, RuntimeError> {
        let connection = Connection::open(socket).await?;
        let of_kube_system = HashMap::from([("io.kubernetes.pod.namespace".to_owned(), "kube-system".to_owned())]);
        let filter = Some(cri::ContainerFilter { label_selector: of_kube_system });
        let list: cri::ListContainersResponse =
            connection.ask(runtime("ListContainers"), cri::ListContainersRequest { filter }).await?;
        let mut containers = Vec::new();
        for container in newest(list.containers) {
            let question = cri::ContainerStatusRequest { container_id: container.id.clone() };
            let answer: Option<cri::ContainerStatusResponse> =
                connection.find(runtime("ContainerStatus"), question).await?;
            // One that was removed between the two calls is left out; another one takes its place soon.
            if let Some(answer) = answer {
                containers.push(described(container, answer.status.unwrap_or_default()));
            }
        }
        Ok(containers)
    }

    async fn stop_container(&self, socket: &str, id: &str, grace: Duration) -> Result<(), RuntimeError> {
        let connection = Connection::open(socket).await?;
        let call = runtime("StopContainer");
        let timeout = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        let question = cri::StopContainerRequest { container_id: id.to_owned(), timeout };
        let stopping = connection.wait_for::<cri::StopContainerResponse>(call, question);
        match tokio::time::timeout(grace + STOPPING, stopping).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(RuntimeError::Failed {
                socket: socket.to_owned(),
                call: call.method,
                message: format!("the container has not ended after {} s", (grace + STOPPING).as_secs()),
            }),
        }
    }

    async fn sandboxes(&self, socket: &str) -> Result<Vec<Sandbox>, RuntimeError> {
        let connection = Connection::open(socket).await?;
        let list: cri::ListPodSandboxResponse =
            connection.ask(runtime("ListPodSandbox"), cri::ListPodSandboxRequest {}).await?;
        let mut found: Vec<Sandbox> = list.items.into_iter().map(sandbox).collect();
        found.sort_unstable_by(|a, b| (&a.namespace, &a.name, &a.id).cmp(&(&b.namespace, &b.name, &b.id)));
        Ok(found)
    }

    async fn remove_sandbox(&self, socket: &str, id: &str) -> Result<(), RuntimeError> {
        let connection = Connection::open(socket).await?;
        for call in [runtime("StopPodSandbox"), runtime("RemovePodSandbox")] {
            let question = cri::PodSandboxRequest { pod_sandbox_id: id.to_owned() };
            // One that the runtime does not know any more is gone.
            connection.find_slowly::<cri::PodSandboxAnswer>(call, question, SANDBOX_LIMIT).await?;
        }
        Ok(())
    }

    async fn run_once(&self, socket: &str, program: &OneShot) -> Result<i32, RuntimeError> {
        one_shot::run(self, socket, program).await
    }
}

/// How long stopping a pod, or removing it, may take. kubeadm gives 2 s, which a busy machine needs more than once.
const SANDBOX_LIMIT: Duration = Duration::from_secs(10);

fn sandbox(found: cri::PodSandbox) -> Sandbox {
    let cri::PodSandboxMetadata { name, namespace } = found.metadata.unwrap_or_default();
    Sandbox { id: found.id, name, namespace }
}

fn named(image: &str) -> cri::ImageRequest {
    cri::ImageRequest { image: Some(cri::ImageSpec { image: image.to_owned() }) }
}

/// The sandbox image in the configuration that containerd and CRI-O show as JSON when asked to be verbose.
fn sandbox_image(config: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        sandbox_image: String,
    }
    serde_json::from_str(config).ok().map(|config: Config| config.sandbox_image).filter(|image| !image.is_empty())
}

fn reason(condition: &cri::RuntimeCondition) -> String {
    match (condition.reason.as_str(), condition.message.as_str()) {
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

/// The newest container of each name and pod, by name, the oldest first. A static pod whose manifest is replaced is
/// another pod of the same name.
fn newest(containers: Vec<cri::Container>) -> Vec<cri::Container> {
    let name = |container: &cri::Container| container.metadata.as_ref().map(|metadata| metadata.name.clone());
    let mut newest = BTreeMap::new();
    for container in containers {
        let of = (name(&container), label(&container, POD_NAME), label(&container, POD_UID));
        if newest.get(&of).is_none_or(|known: &cri::Container| known.created_at < container.created_at) {
            newest.insert(of, container);
        }
    }
    let mut newest: Vec<_> = newest.into_values().collect();
    newest.sort_by_key(|container| (name(container), container.created_at));
    newest
}

/// What the kubelet has noted beside a container; empty if it has not.
fn label(container: &cri::Container, name: &str) -> String {
    container.labels.get(name).cloned().unwrap_or_default()
}

// kubelet: `pkg/kubelet/kuberuntime/labels.go`, `pkg/kubelet/types/labels.go`.
const POD_NAME: &str = "io.kubernetes.pod.name";
const POD_UID: &str = "io.kubernetes.pod.uid";

/// What the runtime may take to end a container after it was killed.
const STOPPING: Duration = Duration::from_secs(10);

fn described(container: cri::Container, status: cri::ContainerStatus) -> ContainerInfo {
    let (pod, pod_uid) = (label(&container, POD_NAME), label(&container, POD_UID));
    let metadata = container.metadata.unwrap_or_default();
    let state = status.state();
    let started = OffsetDateTime::from_unix_timestamp_nanos(status.started_at.into()).ok();
    ContainerInfo {
        id: container.id,
        name: metadata.name,
        pod,
        pod_uid,
        state: match state {
            cri::ContainerState::Created => "created",
            cri::ContainerState::Running => "running",
            cri::ContainerState::Exited => "exited",
            cri::ContainerState::Unknown => "unknown",
        }
        .into(),
        exit_code: (state == cri::ContainerState::Exited).then_some(status.exit_code),
        attempt: metadata.attempt,
        started: started.filter(|_| status.started_at > 0),
        log_path: Some(status.log_path).filter(|path| !path.is_empty()),
    }
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
