//! Labels the Node as part of the control plane and keeps ordinary pods away from it.

use kubewright_node::PatchKind;
use serde_json::{Map, Value as Json, json};

use crate::artifacts::ClusterAdmin;
use crate::prelude::*;
use crate::registration::{node_ref, registered_node};

/// The phase `mark-control-plane`.
pub struct MarkControlPlane;

impl Phase<Node> for MarkControlPlane {
    const ABOUT: &'static str = "Mark a node as a control-plane";
    const RANK: u16 = 1000;

    type Input = (Read<InitConfiguration>, Read<VersionFacts>, Read<ClusterAdmin>, Use<Kube>);
    type Output = ();

    async fn run(&self, (init, facts, admin, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        mark(&init, &facts, &admin, &kube, report).await
    }
}

/// Adds the labels and taints that are missing.
///
/// # Errors
/// The kubelet does not register the node in time, or the API server refuses the change.
pub async fn mark(
    init: &InitConfiguration,
    facts: &VersionFacts,
    admin: &ClusterAdmin,
    kube: &Kube,
    report: &Report,
) -> Result<(), Failure> {
    let name = &init.node_registration.name;
    let labels = &facts.node.labels;
    report.note(
        "mark-control-plane",
        format!("Marking the node {name} as control-plane by adding the labels: [{}]", labels.join(" ")),
    );
    let wanted = &init.node_registration.taints;
    if !wanted.is_empty() {
        let shown: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        report.note(
            "mark-control-plane",
            format!("Marking the node {name} as control-plane by adding the taints [{}]", shown.join(" ")),
        );
    }

    let node = registered_node(kube, admin, init, report).await?;
    let present = node.pointer("/spec/taints").and_then(Json::as_array).cloned().unwrap_or_default();
    let missing: Vec<Json> = wanted
        .iter()
        .filter(|taint| !present.iter().any(|known| same_taint(known, &taint.key, &taint.value, &taint.effect)))
        .map(|taint| match taint.value.as_str() {
            "" => json!({"key": taint.key, "effect": taint.effect}),
            value => json!({"key": taint.key, "value": value, "effect": taint.effect}),
        })
        .collect();
    let known = node.pointer("/metadata/labels");
    let unlabelled: Map<String, Json> = labels
        .iter()
        .filter(|label| known.and_then(|known| known.get(label.as_str())).and_then(Json::as_str) != Some(""))
        .map(|label| (label.clone(), json!("")))
        .collect();
    if missing.is_empty() && unlabelled.is_empty() {
        return Ok(());
    }
    // A strategic patch merges taints by their key alone, so the whole list is told; the version guards it.
    let taints: Vec<Json> = missing.into_iter().chain(present).collect();
    let mut patch = json!({"metadata": {"labels": unlabelled}});
    if !taints.is_empty() {
        patch["spec"] = json!({"taints": taints});
    }
    kube.patch(&admin.0, &node_ref(init), &patch, PatchKind::Merge, report).await?;
    Ok(())
}

fn same_taint(known: &Json, key: &str, value: &str, effect: &str) -> bool {
    let field = |name: &str| known.get(name).and_then(Json::as_str).unwrap_or_default();
    field("key") == key && field("value") == value && field("effect") == effect
}
