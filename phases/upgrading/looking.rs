//! What is looked at before anything is changed. kubeadm: `cmd/phases/upgrade/apply/preflight.go`, `phases/upgrade/health.go`.

use futures_util::future::join_all;
use kubewright_config::{KubeletDoc, UpgradeConfiguration};
use kubewright_node::{Attempt, ObjectRef, RuntimeError, wait_for};
use serde_json::Value as Json;

use super::before::{access, find as ask, unfinished};
use super::{Kept, Stage, UpgradeOptions, UpgradedCluster};
use crate::asking::Asking;
use crate::checks::{Check, Finding, Powers, Subject};
use crate::init::preflight::{judge, pull_images};
use crate::preflight as checks;
use crate::prelude::*;
use crate::running::health;

/// What every node is checked for.
const OF_NODE: [&dyn Check; 3] = [
    &checks::system_verification::SystemVerification,
    &checks::container_runtime_version::ContainerRuntimeVersion,
    &checks::patches::Patches,
];

/// Reads the cluster's configuration, or what an upgrade that is under way had kept of it; says which.
///
/// # Errors
/// The API server does not answer, or something is missing.
pub async fn find(
    settings: &UpgradeConfiguration,
    options: &UpgradeOptions,
    files: &Files,
    kube: &Kube,
    report: &Report,
) -> Result<(UpgradedCluster, bool), Failure> {
    let read = |path: &Utf8Path| files.read(path);
    let newest = Kept::newest(files)?;
    if let Some(kept) = newest.as_ref().filter(|kept| kept.stage == Stage::GoingBack) {
        return Err(Failure::new(format!("the upgrade {} of this node is being taken back", kept.name))
            .kind(FailureKind::Validation)
            .hint("finish that with `kubewright upgrade rollback`, then run the same command again"));
    }
    if let Some(kept) = newest.as_ref().filter(|kept| kept.stage == Stage::Upgrading)
        && let Some(target) = options.target.as_ref().filter(|target| target.to_string() != kept.to)
    {
        return Err(Failure::new(format!(
            "an upgrade of this node to {} is under way, so it cannot go to {target}",
            kept.to
        ))
        .kind(FailureKind::Validation)
        .hint(format!("finish it with {}, or take it back with `kubewright upgrade rollback`", kept.to)));
    }
    if let Some(kept) = unfinished(newest, options) {
        report.note("upgrade", format!("Going on with the upgrade {}, with what it had kept", kept.name));
        return Ok((UpgradedCluster::of(kept.before, &read, options, settings)?, true));
    }
    let access = access(&read, options, settings)?;
    report
        .note("upgrade", "Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...");
    report.note("upgrade", "Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.");
    let before = ask(Asking::Aloud(kube, report), &access, &read, options).await?;
    Ok((UpgradedCluster::of(before, &read, options, settings)?, false))
}

/// Checks this machine.
///
/// # Errors
/// A check failed that is not ignored.
pub async fn check_node(
    found: &UpgradedCluster,
    kubelet: &KubeletDoc,
    options: &InitOptions,
    powers: &Powers,
    report: &Report,
) -> Result<(), Failure> {
    let names = &found.init.node_registration.ignore_preflight_errors;
    let subject = Subject::of(&found.init, &found.cluster, kubelet, &found.facts, options, powers, report);
    // Without root most other checks fail too, and say less: that one stands alone, and first.
    judge(checks::is_privileged_user::IsPrivilegedUser.look(&subject).await, names, report)?;
    let findings = join_all(OF_NODE.iter().map(|check| check.look(&subject))).await;
    judge(findings.into_iter().flatten().chain(unreachable_runtime(&subject).await).collect(), names, report)
}

/// That no runtime can be reached is left to the check `CRI` by the others, and an upgrade has no such check.
async fn unreachable_runtime(subject: &Subject<'_>) -> Option<Finding> {
    if !subject.facts.preflight.container_runtime_version {
        return None;
    }
    match subject.runtime.cgroup_driver(&subject.init.node_registration.cri_socket).await {
        Err(error @ RuntimeError::Unreachable { .. }) => Some(Finding::error(
            "ContainerRuntimeVersion",
            format!("could not connect to the container runtime: {error}"),
            "start it: `systemctl start containerd`",
        )),
        _ => None,
    }
}

/// Checks that the cluster is well enough to be changed.
///
/// # Errors
/// A check failed that is not ignored.
pub async fn check_cluster(
    found: &UpgradedCluster,
    files: &Files,
    kube: &Kube,
    clock: &Clock,
    report: &Report,
) -> Result<(), Failure> {
    report.note("upgrade", "Running cluster health checks");
    let mut findings = Vec::new();
    let there = |path: &Utf8Path| files.read(path).is_ok_and(|contents| contents.is_some());
    findings.extend(health::manifests(there));
    match kube.list(&found.admin.0, "v1", "Node", None, None).await {
        Ok(nodes) => {
            findings.extend(test_job(&nodes, found, kube, clock, report).await);
            findings.extend(health::control_planes(&nodes));
        }
        Err(error) => findings.push(Finding::error(
            "ControlPlaneNodesReady",
            format!("couldn't list the nodes of the cluster: {error}"),
            "see that the API server answers and that the kubeconfig's user may list nodes",
        )),
    }
    judge(findings, &found.init.node_registration.ignore_preflight_errors, report)
}

/// Lets the cluster run a Job, and takes it away again.
async fn test_job(
    nodes: &[Json],
    found: &UpgradedCluster,
    kube: &Kube,
    clock: &Clock,
    report: &Report,
) -> Option<Finding> {
    if !health::any_schedulable(nodes) {
        report.warn(
            "The preflight check \"CreateJob\" was skipped because there are no schedulable Nodes in the cluster.",
        );
        return None;
    }
    let access = &found.admin.0;
    // What runs now is the old version's.
    let job = health::job(clock.now().unix_timestamp_nanos() / 1_000_000, &found.cluster, &found.old);
    let name = ObjectRef::of(&job)?;
    if let Err(error) = kube.create_once(access, &job).await {
        let why = format!("could not create Job \"{}\" in the namespace \"kube-system\": {error}", name.name);
        return Some(health::job_finding(why));
    }
    let done = wait_for(report, format!("{name} to complete"), health::JOB_LIMIT, || async {
        let Ok(Some(job)) = kube.get_once(access, &name).await else {
            return Ok(Attempt::NotYet("it cannot be read".to_owned()));
        };
        match health::why_failed(&job) {
            _ if health::is_complete(&job) => Ok(Attempt::Done(())),
            Some(why) => Err(Failure::new(why)),
            None => Ok(Attempt::NotYet("no condition of type Complete".to_owned())),
        }
    })
    .await;
    // A cluster that keeps finished Jobs, as 1.20 does, would have one for each upgrade. Its pods go first: a Job that is
    // deleted leaves them. What cannot be deleted is the cluster's own to take away, at the Job's own end.
    let pods = kube.list(access, "v1", "Pod", Some("kube-system"), None).await.unwrap_or_default();
    let own = |pod: &&Json| pod.pointer("/metadata/labels/job-name").and_then(Json::as_str) == Some(name.name.as_str());
    for object in pods.iter().filter(own).filter_map(ObjectRef::of).chain([name.clone()]) {
        let _ = kube.delete(access, &object).await;
    }
    done.err().map(|failure| health::job_finding(format!("Job \"{}\": {}", name.name, failure.chain().join(": "))))
}

/// Pulls everything that the new control plane runs.
///
/// # Errors
/// An image cannot be had.
pub async fn pull(found: &UpgradedCluster, runtime: &Runtime, report: &Report) -> Result<(), Failure> {
    pull_images(&found.init, &found.cluster, &found.facts, runtime, report).await
}
