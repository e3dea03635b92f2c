//! Stops the kubelet and its pods, and takes away what they and `init` or `join` left on this machine.
//!
//! What tells of the rest goes last: while the static pods' manifests are there, a reset that was killed finds in them what
//! it has to know.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use kubewright_config::model::UnmountFlag;
use kubewright_node::wait::{Attempt, wait_for};
use kubewright_node::{Kernel, RuntimeError, Trees, UnmountFlags};
use serde_json::Value as Json;
use tokio::time::Instant;

use super::remove_etcd_member::EtcdData;
use crate::kubelet_mounts::made_by_kubelet;
use crate::prelude::*;
use crate::resetting::{go_on, tell_left};
use crate::rootless;
use crate::upgrading::kept::UPGRADES;

/// The phase `cleanup-node`.
pub struct CleanupNode;

/// Files of `/etc/kubernetes` that go, in kubeadm's order.
const FILES: [&str; 6] = [
    paths::ADMIN_CONF,
    paths::SUPER_ADMIN_CONF,
    paths::KUBELET_CONF,
    paths::BOOTSTRAP_KUBELET_CONF,
    "/etc/kubernetes/controller-manager.conf",
    "/etc/kubernetes/scheduler.conf",
];
/// What we noted of a control plane that is no more: what its upgrades go back to, and what waits for a restart. The next
/// cluster on this machine must not go back to it. Snapshots of etcd stay: nothing takes them up by itself.
const OURS: [&str; 2] = [UPGRADES, paths::RENEWED_DIR];
/// Where other phases keep copies.
const TMP_DIR: &str = "/etc/kubernetes/tmp";
/// What network plugins remember of pods.
const CNI_STATE: &str = "/var/lib/cni";
/// How network plugins are configured.
const CNI_CONFIGURATION: &str = "/etc/cni/net.d";
/// How many pods are removed at the same time.
const AT_ONCE: usize = 4;
/// How long all pods together may be busy. Each is asked as often as kubeadm does, however long the others took.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a process may take to end after SIGKILL.
const LOST: Duration = Duration::from_secs(5);

type Powers = (Use<Files>, Use<Services>, Use<Runtime>, Use<Trees>, Use<Kernel>);

impl Phase<Node> for CleanupNode {
    const ABOUT: &'static str = "Run cleanup node";
    const RANK: u16 = 300;
    // etcd must be up to be asked whether its member may go.
    const AFTER: &'static [&'static str] = &["remove-etcd-member"];

    type Input = (Read<ResetConfiguration>, Read<ResetOptions>, Maybe<EtcdData>, Powers);
    type Output = ();

    async fn run(&self, (reset, options, etcd, powers): Self::Input, report: &Report) -> Result<(), Failure> {
        let (files, services, runtime, trees, kernel) = &powers;
        stop_kubelet(services, report).await?;
        let kubelet = trees.resolve(paths::KUBELET_DIR.into()).await?;
        if remove_pods(runtime, &reset.cri_socket, report).await?
            && let Some(directory) = &kubelet
        {
            match files.list(&directory.join("pods")) {
                Ok(pods) => end_lost_processes(kernel, &pods.unwrap_or_default(), report).await?,
                Err(failure) => report.warn(format!("[reset] {}", go_on(failure)?)),
            }
        }
        match &kubelet {
            Some(directory) => {
                report.note("reset", format!("Unmounting mounted directories in {:?}", paths::KUBELET_DIR));
                unmount(kernel, directory, &reset.unmount_flags, report).await?;
            }
            None => report
                .warn(format!("[reset] Skipping unmount of directories in {:?}: it is not there", paths::KUBELET_DIR)),
        }
        // Its etcd may have written there until now.
        if let Some(EtcdData(Some(directory))) = etcd.get() {
            empty(trees, directory, report).await?;
        }
        if let Err(failure) = rootless::remove_accounts(files, report) {
            report.warn(format!("[reset] Failed to remove users and groups: {}", go_on(failure)?));
        }
        remove_files(trees, &reset, kubelet.as_deref(), report).await?;
        for group in kernel.pod_cgroups().await {
            if let Err(failure) = kernel.remove_cgroup(&group).await {
                report.warn(format!("[reset] {}; does a pod still run?", go_on(failure)?));
            }
        }
        if options.network {
            remove_network(files, trees, kernel, report).await?;
        }
        Ok(())
    }
}

/// As kubeadm: one that cannot be stopped is told, and the rest is done all the same.
async fn stop_kubelet(services: &Services, report: &Report) -> Result<(), Failure> {
    const BY_HAND: &str = "[reset] Please ensure kubelet is stopped manually";
    if services.init_system().is_none() {
        report.warn(
            "[reset] The kubelet service could not be stopped by kubeadm. Unable to detect a supported init system!",
        );
        report.warn(BY_HAND);
        return Ok(());
    }
    report.note("reset", "Stopping the kubelet service");
    if let Err(failure) = services.ensure_stopped("kubelet").await {
        report.warn(format!("[reset] The kubelet service could not be stopped by kubeadm: [{}]", go_on(failure)?));
        report.warn(BY_HAND);
    }
    Ok(())
}

/// Removes every pod there is, and those that come meanwhile: what the kubelet asked for last goes on without it. Says whether
/// the runtime has none any more.
async fn remove_pods(runtime: &Runtime, socket: &str, report: &Report) -> Result<bool, Failure> {
    let waiting = report.waiting("the runtime to remove its pods", PATIENCE);
    let patience = Instant::now() + PATIENCE;
    let (mut seen, mut all_gone) = (BTreeSet::new(), true);
    loop {
        let mut sandboxes = match runtime.sandboxes(socket).await {
            Ok(sandboxes) => sandboxes,
            Err(error) => {
                report.warn(format!("[reset] Failed to remove containers: {error}"));
                return Ok(false);
            }
        };
        sandboxes.retain(|sandbox| seen.insert(sandbox.id.clone()));
        if sandboxes.is_empty() {
            return Ok(all_gone);
        }
        let removals = stream::iter(sandboxes).map(async |sandbox| {
            let busy = |error: &RuntimeError| waiting.still(Some(format!("{sandbox}: {error}")));
            let removed = runtime.remove_sandbox(socket, &sandbox, patience, busy).await;
            removed.context(format!("failed to remove {sandbox}"))
        });
        let outcomes: Vec<Result<(), Failure>> = removals.buffered(AT_ONCE).collect().await;
        for failure in outcomes.into_iter().filter_map(Result::err) {
            report.warn(format!("[reset] Failed to remove containers: {}", go_on(failure)?));
            all_gone = false;
        }
    }
}

/// Ends what is in the control groups of the kubelet's pods while the runtime has no pod. containerd forgets a container that it
/// was creating for a kubelet that has ended, and `runc init` waits in its group for ever.
async fn end_lost_processes(kernel: &Kernel, pods: &[String], report: &Report) -> Result<(), Failure> {
    let lost = kernel.pod_processes(pods).await;
    if lost.is_empty() {
        return Ok(());
    }
    report.note("reset", format!("Ending processes of pods that the container runtime has lost: {lost:?}"));
    let ended = wait_for(report, "processes of lost pods to end", LOST, || async {
        let lost = kernel.pod_processes(pods).await;
        for process in &lost {
            kernel.kill(*process).await?;
        }
        Ok(match lost.is_empty() {
            true => Attempt::Done(()),
            false => Attempt::NotYet(format!("{lost:?} are still there")),
        })
    });
    if let Err(failure) = ended.await {
        report.warn(format!("[reset] {}", go_on(failure)?));
    }
    Ok(())
}

/// Takes the kubelet's mounts away, what was mounted last first. Those of others stay.
async fn unmount(kernel: &Kernel, directory: &Utf8Path, flags: &[UnmountFlag], report: &Report) -> Result<(), Failure> {
    let has = |flag| flags.contains(&flag);
    let flags = UnmountFlags {
        force: has(UnmountFlag::Force),
        detach: has(UnmountFlag::Detach),
        expire: has(UnmountFlag::Expire),
    };
    let mut failed: Vec<(Utf8PathBuf, String)> = Vec::new();
    // One that is gone may show another below it, or have taken others along.
    loop {
        let mounts = kernel.mounts_below(directory).await?;
        let next = mounts.iter().rev().find(|mount| {
            made_by_kubelet(directory, &mount.point) && failed.iter().all(|(point, _)| *point != mount.point)
        });
        let Some(mount) = next else { break };
        let was = mounts.len();
        match kernel.unmount(&mount.point, flags).await {
            Err(failure) => failed.push((mount.point.clone(), go_on(failure)?.to_string())),
            // The kernel says that it is not mounted and lists it all the same: it belongs to another namespace.
            Ok(()) if kernel.mounts_below(directory).await?.len() >= was => {
                failed.push((mount.point.clone(), format!("failed to unmount {:?}: it is still there", mount.point)));
            }
            Ok(()) => {}
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    for (_, words) in &failed {
        report.warn(format!("[reset] {words}"));
    }
    let words: Vec<String> = failed.into_iter().map(|(_, words)| words).collect();
    let doing = format!("encountered the following errors while unmounting directories in {directory:?}");
    Err(Failure::new(words.join("; "))
        .context(doing)
        .hint("`fuser -vm PATH` shows who uses it; end that, and run the same command again")
        .hint("or let the kernel unmount it when it is free: `unmountFlags: [MNT_DETACH]` in a ResetConfiguration"))
}

async fn remove_files(
    trees: &Trees,
    reset: &ResetConfiguration,
    kubelet: Option<&Utf8Path>,
    report: &Report,
) -> Result<(), Failure> {
    let certificates = &*reset.certificates_dir;
    if certificates != DEFAULT_CERTIFICATES {
        report.warn(format!("[reset] WARNING: Cleaning a non-default certificates directory: {certificates:?}"));
    }
    let manifests = Utf8Path::new(paths::MANIFESTS_DIR);
    let mut directories: Vec<&Utf8Path> = vec![manifests];
    directories.extend(kubelet);
    directories.push(certificates);
    if reset.cleanup_tmp_dir {
        directories.push(TMP_DIR.into());
    }
    let listed = |paths: &[&Utf8Path]| paths.iter().map(|path| path.as_str()).collect::<Vec<_>>().join(" ");
    report.note("reset", format!("Deleting contents of directories: [{}]", listed(&directories)));
    for directory in &directories[1..] {
        empty(trees, directory, report).await?;
    }
    report.note("reset", format!("Deleting files: [{}]", FILES.join(" ")));
    for file in FILES.into_iter().chain(OURS) {
        match trees.remove(file.into()).await {
            Ok(cleared) => tell_left(file.into(), &cleared, report),
            Err(failure) => {
                report.warn(format!("[reset] Failed to remove file: {file:?} [{}]", go_on(failure)?));
            }
        }
    }
    empty(trees, manifests, report).await
}

/// As kubeadm: what cannot be taken away is told, and the rest goes.
async fn empty(trees: &Trees, directory: &Utf8Path, report: &Report) -> Result<(), Failure> {
    match trees.empty(directory).await {
        Ok(cleared) => tell_left(directory, &cleared, report),
        Err(failure) => {
            let failure = go_on(failure)?;
            report.warn(format!("[reset] Failed to delete contents of {directory:?} directory: {failure}"));
        }
    }
    Ok(())
}

async fn remove_network(files: &Files, trees: &Trees, kernel: &Kernel, report: &Report) -> Result<(), Failure> {
    report.note("reset", "Removing what kube-proxy and network plugins left in the kernel");
    let traces = kernel.network_traces(&bridges(files)?).await;
    for unknown in traces.unknown {
        report.warn(format!("[reset] not looked at: {unknown}"));
    }
    for trace in traces.found {
        if let Err(failure) = kernel.remove_network_trace(&trace).await {
            report.warn(format!("[reset] {}", go_on(failure)?));
        }
    }
    empty(trees, CNI_STATE.into(), report).await
}

/// The bridges that the plugins of this machine are configured to make.
fn bridges(files: &Files) -> Result<Vec<String>, Failure> {
    let directory = Utf8Path::new(CNI_CONFIGURATION);
    let mut bridges = Vec::new();
    for name in files.list(directory)?.unwrap_or_default() {
        let known = [".conf", ".conflist", ".json"].iter().any(|end| name.ends_with(end));
        // What is no file is no configuration, and neither is what is no JSON.
        let Some(contents) = known.then(|| files.read(&directory.join(&name)).ok().flatten()).flatten() else {
            continue;
        };
        let Ok(document) = serde_json::from_slice::<Json>(contents.as_bytes()) else { continue };
        let plugins = document.get("plugins").and_then(Json::as_array).cloned().unwrap_or_else(|| vec![document]);
        for plugin in plugins.iter().filter(|plugin| plugin.get("type").and_then(Json::as_str) == Some("bridge")) {
            bridges.push(plugin.get("bridge").and_then(Json::as_str).unwrap_or("cni0").to_owned());
        }
    }
    Ok(bridges)
}

const DEFAULT_CERTIFICATES: &str = "/etc/kubernetes/pki";

#[cfg(test)]
#[path = "cleanup_node/tests.rs"]
mod tests;
