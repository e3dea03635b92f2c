//! From a new file to a process that uses it: what needs it is restarted, one component after the other, and what is
//! served is looked at afterwards. "File new, process old" is a failure.

use std::time::{Duration, Instant};

use kubewright_config::KubeletDoc;
use kubewright_node::{Attempt, ContainerInfo, wait_for};
use kubewright_pki::Certificate;
use time::OffsetDateTime;

use super::component::cri_socket;
use super::{Component, RenewOptions, Running, Serving, running};
use crate::init::wait_control_plane::wait_kubelet;
use crate::prelude::*;

/// What every phase that restarts a static pod takes.
pub type RestartNeeds = (
    Read<ClusterConfiguration>,
    Read<VersionFacts>,
    Read<RenewOptions>,
    Use<Files>,
    Use<Runtime>,
    Use<Services>,
    Use<Probe>,
    Use<Clock>,
);

/// How long a component may take to end by itself. kube-apiserver finishes the requests that it has; then it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How long the kubelet may take to start a container again. One that was started lately waits for longer, from 10 s up to
/// 5 minutes, and a kubelet that is restarted has forgotten that.
const KUBELET_NOTICES: Duration = Duration::from_secs(5);
/// A process that reads its files by itself may need 5 minutes for some of them; an old certificate that ends sooner than
/// this is not waited for.
const OLD_ONES_HOLD: i64 = 15 * 60;

/// Lets a static pod use what was renewed for it: nothing is done where it does so already.
///
/// # Errors
/// It does not come back, is not well in time, or shows another certificate than its file has.
pub async fn ensure_in_use(component: Component, needs: RestartNeeds, report: &Report) -> Result<(), Failure> {
    let (cluster, facts, options, files, runtime, services, probe, clock) = needs;
    let name = component.name();
    let pod = StaticPod {
        component,
        cluster: &cluster,
        options: &options,
        files: &files,
        runtime: &runtime,
        services: &services,
        probe: &probe,
        report,
    };
    let Some(manifest) = files.read(&paths::static_pod(name))? else {
        return pod.unmark();
    };
    let running = running(component, manifest.as_bytes())?;
    let marked = pod.marks()?;
    if let Some(limit) = component.reads_again() {
        if marked.is_empty() && pod.serves_its_files(&running).await? {
            return Ok(());
        }
        let now = clock.now().unix_timestamp();
        let urgent = marked.iter().any(|old_ends| *old_ends < now + OLD_ONES_HOLD);
        if component == Component::Etcd && marked.iter().any(|old_ends| *old_ends < now) {
            // Its other members have expired, too, and without most of them none is well.
            let word = "If the cluster has other control planes, run this command there now, too: etcd waits for them";
            report.note("restart", word);
        }
        if !urgent && pod.waits_for_its_files(&running, limit).await? {
            report.note("restart", format!("{name} uses the new certificates, without a restart"));
            return pod.unmark();
        }
    }
    let socket = cri_socket(&facts.kubelet.default_cri_socket, |path| files.read(path))?;
    let Some(container) = pod.container(&socket).await? else {
        return Err(Failure::new(format!("the container runtime at `{socket}` has no container {name}"))
            .context(format!("{name} is to use its new certificates"))
            .hint("look whether the kubelet runs: `systemctl status kubelet`; then run the same command again"));
    };
    if component.reads_again().is_none() && marked.is_empty() && !pod.is_older_than_its_files(&container) {
        return Ok(());
    }
    pod.restart(&socket, &container, &running).await?;
    pod.unmark()
}

struct StaticPod<'a> {
    component: Component,
    cluster: &'a ClusterConfiguration,
    options: &'a RenewOptions,
    files: &'a Files,
    runtime: &'a Runtime,
    services: &'a Services,
    probe: &'a Probe,
    report: &'a Report,
}

impl StaticPod<'_> {
    /// When the old certificates end in whose place new ones were put for it, in seconds since 1970.
    fn marks(&self) -> Result<Vec<i64>, Failure> {
        let mut marks = Vec::new();
        for managed in self.component.certificates() {
            if let Some(mark) = self.files.read(&managed.mark())? {
                // What nobody can read is as urgent as can be.
                marks.push(String::from_utf8_lossy(mark.as_bytes()).trim().parse().unwrap_or_default());
            }
        }
        Ok(marks)
    }

    fn unmark(&self) -> Result<(), Failure> {
        self.component.certificates().into_iter().try_for_each(|managed| self.files.remove(&managed.mark()))
    }

    async fn container(&self, socket: &str) -> Result<Option<ContainerInfo>, Failure> {
        let found = self.runtime.containers(socket).await?;
        Ok(found.into_iter().rfind(|container| container.name == self.component.name()))
    }

    /// Whether somebody else, such as kubeadm, renewed a file since the container was started.
    fn is_older_than_its_files(&self, container: &ContainerInfo) -> bool {
        let Some(started) = container.started else { return false };
        let files = self.component.certificates().into_iter().map(|managed| managed.file(self.cluster));
        let changed: Vec<OffsetDateTime> = files.filter_map(|file| self.probe.modified(&file)).collect();
        changed.into_iter().any(|changed| changed > started)
    }

    /// Whether every server of it that answers shows what its file has. One that does not answer cannot be told.
    async fn serves_its_files(&self, running: &Running) -> Result<bool, Failure> {
        for serving in &running.serving {
            let Some(certificate) = self.expected(serving)? else { continue };
            if self.probe.serves(&serving.address, certificate.der()).await == Ok(false) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every server of it shows what its file has, within the time that it takes to read it.
    async fn waits_for_its_files(&self, running: &Running, limit: Duration) -> Result<bool, Failure> {
        let limit = limit.min(self.options.patience);
        let what = format!("{} to read its new certificates", self.component.name());
        let outcome = wait_for(self.report, what, limit, || self.look(running)).await;
        match outcome {
            Ok(()) => Ok(true),
            Err(failure) if failure.get_kind() == FailureKind::Deadline => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Looks once whether it is well and shows what its files have.
    async fn look(&self, running: &Running) -> Result<Attempt<()>, Failure> {
        if let Some(url) = &running.health {
            match self.probe.health(url).await {
                Ok(answer) if answer.status == 200 => {}
                Ok(answer) => {
                    return Ok(Attempt::NotYet(format!("{url} answers {} {}", answer.status, answer.body.trim())));
                }
                Err(why) => return Ok(Attempt::NotYet(format!("{url}: {why}"))),
            }
        }
        for serving in &running.serving {
            let Some(certificate) = self.expected(serving)? else { continue };
            let Serving { address, file, .. } = serving;
            match self.probe.serves(address, certificate.der()).await {
                Ok(true) => {}
                Ok(false) => {
                    let old = format!("{address} shows another certificate than `{file}` has: file new, process old");
                    return Ok(Attempt::NotYet(old));
                }
                Err(why) => return Ok(Attempt::NotYet(format!("{address}: {why}"))),
            }
        }
        Ok(Attempt::Done(()))
    }

    fn expected(&self, serving: &Serving) -> Result<Option<Certificate>, Failure> {
        let pem = self.files.read(&serving.file)?;
        let read = |pem: Contents| Certificate::from_pem(pem.as_bytes());
        pem.map(read).transpose().context(format!("cannot read the certificate `{}`", serving.file))
    }

    async fn restart(&self, socket: &str, old: &ContainerInfo, running: &Running) -> Result<(), Failure> {
        let name = self.component.name();
        let began = Instant::now();
        self.report.note("restart", format!("Restarting {name} with its new certificates"));
        if old.state == "running" {
            self.runtime.stop_container(socket, old, GRACE).await.context(format!("{name} could not be restarted"))?;
        } else {
            // It has ended, and the kubelet waits longer and longer before it tries again.
            self.nudge_kubelet().await?;
        }
        let limit = self.options.patience;
        if !self.starts_again(socket, old, KUBELET_NOTICES.min(limit)).await? {
            self.nudge_kubelet().await?;
        }
        let what = format!("{name} to be well and to use its new certificates");
        let waited = wait_for(self.report, what, limit, || self.look(running)).await;
        if let Err(failure) = waited {
            return Err(self.explain(failure, socket).await);
        }
        let took = began.elapsed().as_secs_f64();
        let serves = if running.serving.is_empty() { "" } else { " and shows its new certificate" };
        self.report.note("restart", format!("{name} is well{serves} after {took:.1} s"));
        Ok(())
    }

    async fn starts_again(&self, socket: &str, old: &ContainerInfo, limit: Duration) -> Result<bool, Failure> {
        let name = self.component.name();
        let outcome = wait_for(self.report, format!("the kubelet to start {name} again"), limit, || async {
            Ok(match self.container(socket).await? {
                Some(container) if container.id != old.id && container.state == "running" => Attempt::Done(()),
                _ => Attempt::NotYet("there is no new container yet".into()),
            })
        });
        match outcome.await {
            Ok(()) => Ok(true),
            Err(failure) if failure.get_kind() == FailureKind::Deadline => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Lets the kubelet forget how often it has tried already. Its pods go on while it starts anew.
    async fn nudge_kubelet(&self) -> Result<(), Failure> {
        if self.services.init_system().is_none() || !self.services.state("kubelet").await?.exists {
            return Ok(());
        }
        self.report.note("restart", "Restarting the kubelet, which waits before it starts a container again");
        self.services.restart("kubelet").await.context("the kubelet could not be restarted")
    }

    async fn explain(&self, failure: Failure, socket: &str) -> Failure {
        let name = self.component.name();
        let mut failure = failure;
        if let Ok(Some(container)) = self.container(socket).await
            && container.state != "running"
        {
            let log = container.log_path.as_deref().unwrap_or("the runtime's log");
            failure = failure.hint(format!("the container {name} is {}; its output is in {log}", container.state));
        }
        failure
            .hint(format!("list the containers: `crictl --runtime-endpoint {socket} ps -a --name {name}`"))
            .hint("then run the same command again: what was renewed stays, and the restarts go on from here")
    }
}

/// Lets the kubelet use what was renewed for it.
///
/// # Errors
/// It does not start, or is not well in time.
pub async fn ensure_kubelet_in_use(
    options: &RenewOptions,
    files: &Files,
    services: &Services,
    probe: &Probe,
    report: &Report,
) -> Result<(), Failure> {
    let marks: Vec<_> = Component::Kubelet.certificates().into_iter().map(|managed| managed.mark()).collect();
    let mut marked = false;
    for mark in &marks {
        marked |= files.read(mark)?.is_some();
    }
    if !marked {
        return Ok(());
    }
    report.note("restart", "Restarting the kubelet with its new certificate");
    services
        .restart("kubelet")
        .await
        .context("the kubelet could not be restarted")
        .hint("look at the kubelet's log: `systemctl status kubelet`, `journalctl -xeu kubelet`")?;
    if let Some(contents) = files.read(&paths::kubelet("config.yaml"))? {
        let text = String::from_utf8_lossy(contents.as_bytes()).into_owned();
        let document = KubeletDoc::stored(&text, false).context("cannot read the kubelet's configuration")?;
        if let Some((host, port)) = document.healthz() {
            wait_kubelet(host, port, options.patience, probe, report).await?;
        }
    }
    marks.iter().try_for_each(|mark| files.remove(mark))
}
