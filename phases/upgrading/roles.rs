//! The labels and taints of control planes, which had other names before 1.24, and both until 1.25. kubeadm did this in the
//! releases between, in `phases/upgrade/postupgrade.go`; who passes over them still needs it.

use kubewright_node::ObjectRef;
use serde_json::{Value as Json, json};

use super::UpgradedCluster;
use crate::prelude::*;

/// What marks a control plane, as label and as taint.
const ROLES: [&str; 2] = ["node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"];
const NO_SCHEDULE: &str = "NoSchedule";

/// Gives each control plane the labels and taints of the new version. One whose taint was taken away stays without.
///
/// # Errors
/// The API server does not list the nodes, or refuses a change.
pub async fn rename(found: &UpgradedCluster, kube: &Kube, report: &Report) -> Result<(), Failure> {
    let UpgradedCluster { facts, admin, .. } = found;
    let (labels, taints) = (&facts.node.labels, &facts.node.taints);
    let nodes = kube.list(&admin.0, "v1", "Node", None, None).await.context("cannot list the control planes")?;
    for node in nodes.iter().filter(|node| renamed(node, labels, taints).is_some()) {
        let Some(name) = ObjectRef::of(&with_kind(node)) else { continue };
        let line = format!(
            "Giving the control plane {} the labels [{}] and, where it has one of them, the taints [{}]",
            name.name,
            labels.join(" "),
            taints.join(" ")
        );
        report.note("upgrade/postupgrade", line);
        kube.change(&admin.0, &name, report, |live| renamed(live, labels, taints)).await?;
    }
    Ok(())
}

/// What is in a list does not say of which kind it is.
fn with_kind(node: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.pointer("/metadata/name")}})
}

/// The node with the names of a version; `None` where it has them, or is no control plane.
fn renamed(node: &Json, labels: &[String], taints: &[String]) -> Option<Json> {
    let mut new = node.clone();
    let known = new.pointer_mut("/metadata/labels")?.as_object_mut()?;
    if !ROLES.iter().any(|role| known.contains_key(*role)) {
        return None;
    }
    for role in ROLES {
        match labels.iter().any(|label| label == role) {
            true => drop(known.entry(role).or_insert_with(|| "".into())),
            false => drop(known.remove(role)),
        }
    }
    if let Some(present) = new.pointer_mut("/spec/taints").and_then(Json::as_array_mut) {
        let is = |taint: &Json, role: &str| taint["key"] == role && taint["effect"] == NO_SCHEDULE;
        if present.iter().any(|taint| ROLES.iter().any(|role| is(taint, role))) {
            for role in ROLES {
                let (wanted, there) = (taints.iter().any(|taint| taint == role), present.iter().any(|it| is(it, role)));
                match (wanted, there) {
                    (true, false) => present.push(json!({"key": role, "effect": NO_SCHEDULE})),
                    (false, true) => present.retain(|taint| !is(taint, role)),
                    (true, true) | (false, false) => {}
                }
            }
        }
    }
    (new != *node).then_some(new)
}

#[cfg(test)]
#[path = "roles/tests.rs"]
mod tests;
