//! Runs a program of an image to its end, in a pod of its own. The pod shares the machine's network, so that no network
//! plugin is needed for it.

use std::time::Duration;

use kubewright_node::{OneShot, RuntimeBackend, RuntimeError};
use tokio::time::Instant;

use super::connection::Connection;
use super::{CriRuntime, messages as cri, runtime};

/// The namespace of our pods; the kubelet has none of this name, since it is no pod of the API.
const NAMESPACE: &str = "kubewright";
/// How long the runtime may take to make a pod, or to create and start a container.
const MAKING: Duration = Duration::from_secs(60);
/// The first and the longest pause between two looks at the container.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Runs it, and removes its pod however that ended.
pub(super) async fn run(backend: &CriRuntime, socket: &str, program: &OneShot) -> Result<i32, RuntimeError> {
    // What a run that was killed left. Two programs must not write to one place.
    for left in backend.sandboxes(socket).await? {
        if left.namespace == NAMESPACE && left.name == program.name {
            backend.remove_sandbox(socket, &left.id).await?;
        }
    }
    let connection = Connection::open(socket).await?;
    let pod = pod(program);
    let sandbox = make::<cri::RunPodSandboxResponse>(
        &connection,
        socket,
        "RunPodSandbox",
        cri::RunPodSandboxRequest { config: Some(pod.clone()) },
    );
    let id = sandbox.await?.pod_sandbox_id;
    let ended = in_pod(&connection, socket, program, &id, pod).await;
    let removed = backend.remove_sandbox(socket, &id).await;
    let code = ended?;
    removed.map(|()| code)
}

async fn in_pod(
    connection: &Connection,
    socket: &str,
    program: &OneShot,
    sandbox: &str,
    pod: cri::PodSandboxConfig,
) -> Result<i32, RuntimeError> {
    let request = cri::CreateContainerRequest {
        pod_sandbox_id: sandbox.to_owned(),
        config: Some(container(program)),
        sandbox_config: Some(pod),
    };
    let created: cri::ContainerId = make(connection, socket, "CreateContainer", request).await?;
    let _: cri::StartContainerResponse = make(connection, socket, "StartContainer", created.clone()).await?;
    let until = Instant::now() + program.limit;
    let mut pause = PAUSES.0;
    loop {
        let call = runtime("ContainerStatus");
        let question = cri::ContainerStatusRequest { container_id: created.container_id.clone() };
        let answer: cri::ContainerStatusResponse = connection.ask(call, question).await?;
        let status = answer.status.unwrap_or_default();
        if status.state() == cri::ContainerState::Exited {
            return Ok(status.exit_code);
        }
        if Instant::now() >= until {
            return Err(RuntimeError::Failed {
                socket: socket.to_owned(),
                call: call.method,
                message: format!("`{}` has not ended after {} s", program.command.join(" "), program.limit.as_secs()),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Calls for something to be made, which may take a while.
async fn make<A: super::connection::Answer>(
    connection: &Connection,
    socket: &str,
    method: &'static str,
    question: impl super::connection::Question,
) -> Result<A, RuntimeError> {
    let call = runtime(method);
    connection.find_slowly(call, question, MAKING).await?.ok_or_else(|| RuntimeError::Failed {
        socket: socket.to_owned(),
        call: call.method,
        message: "what it needs is not there: the image, or the pod that was made for it".into(),
    })
}

fn pod(program: &OneShot) -> cri::PodSandboxConfig {
    let metadata = cri::NewPodSandboxMetadata {
        name: program.name.clone(),
        uid: format!("{NAMESPACE}-{}", program.name),
        namespace: NAMESPACE.into(),
    };
    let security = cri::LinuxSandboxSecurityContext { namespace_options: Some(namespaces()) };
    cri::PodSandboxConfig {
        metadata: Some(metadata),
        log_directory: program.log.parent().map(ToString::to_string).unwrap_or_default(),
        linux: Some(cri::LinuxPodSandboxConfig {
            cgroup_parent: program.cgroup_parent.clone(),
            security_context: Some(security),
        }),
    }
}

fn container(program: &OneShot) -> cri::ContainerConfig {
    let mounts = program.mounts.iter().map(|mount| cri::Mount {
        container_path: mount.container.to_string(),
        host_path: mount.machine.to_string(),
        readonly: mount.read_only,
    });
    // Files of root's are read and written, whatever user the image names.
    let security = cri::LinuxContainerSecurityContext {
        namespace_options: Some(namespaces()),
        run_as_user: Some(cri::Int64Value { value: 0 }),
    };
    cri::ContainerConfig {
        metadata: Some(cri::ContainerMetadata { name: program.name.clone(), attempt: 0 }),
        image: Some(cri::ImageSpec { image: program.image.clone() }),
        command: program.command.clone(),
        mounts: mounts.collect(),
        log_path: program.log.file_name().unwrap_or_default().to_owned(),
        linux: Some(cri::LinuxContainerConfig { security_context: Some(security) }),
    }
}

fn namespaces() -> cri::NamespaceOption {
    cri::NamespaceOption { network: cri::NamespaceMode::Node as i32, pid: cri::NamespaceMode::Container as i32 }
}
