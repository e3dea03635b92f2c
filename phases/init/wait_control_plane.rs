//! Waits until the kubelet and the control plane are healthy, and gives the administrator's group its rights.

use std::time::{Duration, Instant};

use kubewright_config::model::ControlPlaneComponent;
use kubewright_config::{KubeletDoc, format_duration};
use kubewright_node::{Attempt, KubeErrorKind, wait_for};

use crate::artifacts::ClusterAdmin;
use crate::prelude::*;

/// The phase `wait-control-plane`.
pub struct WaitControlPlane;

impl Phase<Node> for WaitControlPlane {
    const ABOUT: &'static str = "Wait for the control plane to start";
    const RANK: u16 = 700;
    // Nothing answers before the kubelet was started, and no value stands for that.
    const AFTER: &'static [&'static str] = &["kubelet-start"];

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<KubeletDoc>,
        Read<VersionFacts>,
        Read<InitOptions>,
        Use<Files>,
        Use<Kube>,
        Use<Probe>,
        Use<Runtime>,
    );
    type Output = ClusterAdmin;

    async fn run(
        &self,
        (init, cluster, kubelet, facts, options, files, kube, probe, runtime): Self::Input,
        report: &Report,
    ) -> Result<ClusterAdmin, Failure> {
        let contents = files.read(&options.kubeconfig)?.ok_or_else(|| {
            Failure::new(format!("the kubeconfig `{}` is not there", options.kubeconfig))
                .hint("run `init phase kubeconfig admin` first, or name another with --kubeconfig")
        })?;
        let admin = ClusterAdmin::of(&options.kubeconfig, &contents, &init)?;

        if let Some((host, port)) = kubelet.healthz() {
            wait_kubelet(host, port, init.timeouts.kubelet_health_check, &probe, report).await?;
        }

        wait_components(&admin, &init, &cluster, &facts, &kube, &probe, &runtime, report).await?;
        if let Some(binding) = kubewright_manifests::rbac::cluster_admins(&facts)? {
            ensure_cluster_admins(&binding, &admin, &init, &options, &files, &kube, report).await?;
        }
        Ok(admin)
    }
}

/// Waits until the components of this node's control plane are healthy.
///
/// # Errors
/// One of them is not, in time.
#[expect(clippy::too_many_arguments, reason = "what two phases take from the engine, each by its type")]
pub async fn wait_components(
    admin: &ClusterAdmin,
    init: &InitConfiguration,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    kube: &Kube,
    probe: &Probe,
    runtime: &Runtime,
    report: &Report,
) -> Result<(), Failure> {
    let limit = init.timeouts.control_plane_component_health_check;
    report.note(
        "control-plane-check",
        format!("Waiting for healthy control plane components. This can take up to {}", format_duration(limit)),
    );
    let apiserver = wait_apiserver(admin, init, &facts.api_server.wait_path, limit, kube, report);
    let healthy = if facts.workflow.wait_for_all_components {
        let manager = format!("{}{}", address(&cluster.controller_manager, 10257), facts.controller_manager.wait_path);
        let scheduler = format!("{}{}", address(&cluster.scheduler, 10259), facts.scheduler.wait_path);
        let manager = wait_component("kube-controller-manager", manager, limit, probe, report);
        let scheduler = wait_component("kube-scheduler", scheduler, limit, probe, report);
        tokio::try_join!(apiserver, manager, scheduler).map(|_| ())
    } else {
        apiserver.await
    };
    if let Err(failure) = healthy {
        return Err(explain(failure, &init.node_registration.cri_socket, runtime).await);
    }
    Ok(())
}

/// Waits until the kubelet answers that it is healthy.
pub async fn wait_kubelet(
    host: &str,
    port: u16,
    limit: Duration,
    probe: &Probe,
    report: &Report,
) -> Result<(), Failure> {
    let url = format!("http://{host}:{port}/healthz");
    let up_to = format_duration(limit);
    report.note("kubelet-check", format!("Waiting for a healthy kubelet at {url}. This can take up to {up_to}"));
    let start = Instant::now();
    wait_for(report, format!("the kubelet to be healthy at {url}"), limit, || look(probe, &url))
        .await
        .hint("look at the kubelet's log: `systemctl status kubelet`, `journalctl -xeu kubelet`")
        .hint("then run the same command again: it goes on from here")?;
    report.note("kubelet-check", format!("The kubelet is healthy after {:.3?}", start.elapsed()));
    Ok(())
}

async fn wait_apiserver(
    admin: &ClusterAdmin,
    init: &InitConfiguration,
    path: &str,
    limit: Duration,
    kube: &Kube,
    report: &Report,
) -> Result<(), Failure> {
    let url = format!("{}{path}", init.local_api_endpoint.url());
    report.note("control-plane-check", format!("Checking kube-apiserver at {url}"));
    let start = Instant::now();
    wait_for(report, format!("kube-apiserver to be healthy at {url}"), limit, || async {
        match kube.ask(&admin.0, path).await {
            Ok(_) => Ok(Attempt::Done(())),
            Err(error) if error.kind == KubeErrorKind::Access => Err(error.into()),
            Err(error) => Ok(Attempt::NotYet(error.to_string())),
        }
    })
    .await?;
    report.note("control-plane-check", format!("kube-apiserver is healthy after {:.3?}", start.elapsed()));
    Ok(())
}

async fn wait_component(
    name: &'static str,
    url: String,
    limit: Duration,
    probe: &Probe,
    report: &Report,
) -> Result<(), Failure> {
    report.note("control-plane-check", format!("Checking {name} at {url}"));
    let start = Instant::now();
    wait_for(report, format!("{name} to be healthy at {url}"), limit, || look(probe, &url)).await?;
    report.note("control-plane-check", format!("{name} is healthy after {:.3?}", start.elapsed()));
    Ok(())
}

async fn look(probe: &Probe, url: &str) -> Result<Attempt<()>, Failure> {
    Ok(match probe.health(url).await {
        Ok(answer) if answer.status == 200 => Attempt::Done(()),
        Ok(answer) => Attempt::NotYet(format!("it answers {} {}", answer.status, answer.body.trim())),
        Err(why) => Attempt::NotYet(why),
    })
}

/// Where a component listens for health checks, after the flags that the user may have given.
fn address(component: &ControlPlaneComponent, port: u16) -> String {
    let host = component.extra_arg("bind-address").unwrap_or("127.0.0.1");
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let port = component.extra_arg("secure-port").and_then(|port| port.parse().ok()).unwrap_or(port);
    format!("https://{host}:{port}")
}

/// Adds what the container runtime knows: a component that exits again and again is the usual cause.
async fn explain(failure: Failure, socket: &str, runtime: &Runtime) -> Failure {
    let mut failure = failure;
    if let Ok(containers) = runtime.containers(socket).await {
        for container in containers.iter().filter(|container| container.state == "exited") {
            let code = container.exit_code.map_or_else(|| "an unknown code".to_owned(), |code| format!("code {code}"));
            let log = container.log_path.as_deref().unwrap_or("the runtime's log");
            failure =
                failure.hint(format!("the container {} exited with {code}; its output is in {log}", container.name));
        }
    }
    failure
        .hint(format!(
            "list the containers: `crictl --runtime-endpoint {socket} ps -a`, and read one's output: `crictl logs ID`"
        ))
        .hint("then run the same command again: it goes on from here")
}

/// Binds the administrators' group to `cluster-admin`, with the super-admin's credentials where the admin may not yet.
async fn ensure_cluster_admins(
    binding: &serde_json::Value,
    admin: &ClusterAdmin,
    init: &InitConfiguration,
    options: &InitOptions,
    files: &Files,
    kube: &Kube,
    report: &Report,
) -> Result<(), Failure> {
    // A kubeconfig that the user names is taken as it is: whose rights it has is theirs to decide.
    if options.kubeconfig != paths::ADMIN_CONF {
        return Ok(());
    }
    let path = Utf8Path::new(paths::SUPER_ADMIN_CONF);
    let fallback = match files.read(path)? {
        Some(contents) => Some(ClusterAdmin::of(path, &contents, init)?),
        None => None,
    };
    let limit = init.timeouts.kubernetes_api_call;
    wait_for(report, "the API server to bind the group kubeadm:cluster-admins", limit, || async {
        let mut answer = kube.create_once(&admin.0, binding).await;
        if answer.as_ref().is_err_and(|error| error.kind == KubeErrorKind::Forbidden) {
            let Some(fallback) = &fallback else {
                return Err(Failure::new(format!(
                    "admin.conf has no rights yet, and `{path}` is not there to give them"
                ))
                .hint("run `init phase kubeconfig super-admin`, then the same command again"));
            };
            answer = kube.create_once(&fallback.0, binding).await;
        }
        match answer {
            Ok(_) => Ok(Attempt::Done(())),
            Err(error) => Ok(Attempt::NotYet(error.to_string())),
        }
    })
    .await
}
