//! Whether a cluster is well enough to be upgraded: it runs a Job, its control planes are ready, and their static pods are
//! where they should be. What is asked and what is judged stands here; who asks decides how. kubeadm:
//! `phases/upgrade/health.go`.

use std::time::Duration;

use kubewright_config::images::{self, Image};
use kubewright_config::{ClusterConfiguration, VersionFacts};
use serde_json::{Value as Json, json};

use crate::checks::Finding;
use crate::prelude::*;

/// How long the test Job may take, from creating it to its end.
pub const JOB_LIMIT: Duration = Duration::from_secs(60);
/// After this much more the cluster itself ends the Job, or deletes it when it is done.
const MARGIN: Duration = Duration::from_secs(5);
const JOB: &str = "upgrade-health-check";

/// The Job that shows whether pods can be made, scheduled and run. `stamp` makes its name its own.
pub fn job(stamp: i128, cluster: &ClusterConfiguration, facts: &VersionFacts) -> Json {
    let limit = (JOB_LIMIT + MARGIN).as_secs();
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": format!("{JOB}-{stamp}"), "namespace": "kube-system"},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": limit,
            "activeDeadlineSeconds": limit,
            "template": {"spec": {
                "restartPolicy": "Never",
                "securityContext": {"runAsUser": 999, "runAsGroup": 999, "runAsNonRoot": true},
                "tolerations": facts.node.default_taints().iter().map(|taint| {
                    json!({"key": taint.key, "effect": taint.effect})
                }).collect::<Vec<_>>(),
                "containers": [{"name": JOB, "image": images::reference(Image::Pause, cluster, facts), "args": ["-v"]}],
            }},
        },
    })
}

/// Whether the Job has done its work.
pub fn is_complete(job: &Json) -> bool {
    let conditions = job.pointer("/status/conditions").and_then(Json::as_array).into_iter().flatten();
    conditions.into_iter().any(|it| it.get("type").and_then(Json::as_str) == Some("Complete"))
}

/// Why the Job will not do its work any more; `None` as long as it may.
pub fn why_failed(job: &Json) -> Option<String> {
    let mut conditions = job.pointer("/status/conditions").and_then(Json::as_array)?.iter();
    let failed = conditions.find(|it| it.get("type").and_then(Json::as_str) == Some("Failed"))?;
    let text = |key| failed.get(key).and_then(Json::as_str).unwrap_or_default();
    Some(format!("{}: {}", text("reason"), text("message")))
}

/// Whether any node takes new pods; without one the Job says nothing.
pub fn any_schedulable(nodes: &[Json]) -> bool {
    nodes.iter().any(|node| node.pointer("/spec/unschedulable").and_then(Json::as_bool) != Some(true))
}

/// The finding of a Job that could not be made, or did not end in time.
pub fn job_finding(why: impl std::fmt::Display) -> Finding {
    let fix = "look at the Job's pod and its events with kubectl -n kube-system describe; or ignore CreateJob";
    Finding::error("CreateJob", why.to_string(), fix)
}

/// The finding of control planes that are not ready.
pub fn control_planes(nodes: &[Json]) -> Option<Finding> {
    let role = "node-role.kubernetes.io/control-plane";
    let is_control_plane =
        |node: &&Json| node.pointer("/metadata/labels").is_some_and(|labels| labels.get(role).is_some());
    let conditions = |node: &Json| node.pointer("/status/conditions").and_then(Json::as_array).cloned();
    let not_ready = |node: &&Json| {
        conditions(node).into_iter().flatten().any(|condition| {
            let text = |key| condition.get(key).and_then(Json::as_str);
            text("type") == Some("Ready") && text("status") != Some("True")
        })
    };
    let name = |node: &Json| node.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default().to_owned();
    let names: Vec<_> = nodes.iter().filter(is_control_plane).filter(not_ready).map(name).collect();
    (!names.is_empty()).then(|| {
        let message = format!("there are NotReady control-planes in the cluster: [{}]", names.join(" "));
        Finding::error("ControlPlaneNodesReady", message, "look at their kubelets, or wait until they are ready")
    })
}

/// The finding of static pods of the control plane that are not there.
pub fn manifests(exists: impl Fn(&Utf8Path) -> bool) -> Option<Finding> {
    let components = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
    let missing: Vec<_> = components.map(paths::static_pod).into_iter().filter(|path| !exists(path)).collect();
    (!missing.is_empty()).then(|| {
        let shown: Vec<_> = missing.iter().map(|path| path.as_str()).collect();
        let message = format!("manifest files not found: [{}]", shown.join(" "));
        Finding::error("StaticPodManifest", message, "run the command on a control plane node")
    })
}

#[cfg(test)]
mod tests;
