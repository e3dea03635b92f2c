//! Which labels and taints a control plane has after an upgrade.
#![allow(clippy::unwrap_used, reason = "tests")]

use kubewright_config::facts_for;

use super::*;

fn node(labels: &[&str], taints: &[&str]) -> Json {
    let labels: Json =
        labels.iter().map(|label| ((*label).to_owned(), json!(""))).collect::<serde_json::Map<_, _>>().into();
    let taints: Vec<_> = taints.iter().map(|taint| json!({"key": taint, "effect": NO_SCHEDULE})).collect();
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "labels": labels}, "spec": {"taints": taints}})
}

fn after(node: &Json, version: &str) -> Option<(Vec<String>, Vec<String>)> {
    let facts = facts_for(&version.parse().unwrap()).unwrap();
    let new = renamed(node, &facts.node.labels, &facts.node.taints)?;
    let short = |key: &str| key.rsplit('/').next().unwrap().to_owned();
    let labels = new["metadata"]["labels"].as_object().unwrap().keys().map(|key| short(key)).collect();
    let taints =
        new["spec"]["taints"].as_array().unwrap().iter().map(|it| short(it["key"].as_str().unwrap())).collect();
    Some((labels, taints))
}

fn words(labels: &[&str], taints: &[&str]) -> Option<(Vec<String>, Vec<String>)> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Some((owned(labels), owned(taints)))
}

const MASTER: &str = ROLES[0];
const CONTROL_PLANE: &str = ROLES[1];

#[test]
fn the_names_change_in_two_releases() {
    let old = node(&[MASTER, CONTROL_PLANE], &[MASTER]);
    assert_eq!(after(&old, "v1.23.17"), None);
    assert_eq!(after(&old, "v1.24.17"), words(&["control-plane"], &["master", "control-plane"]));
    assert_eq!(after(&old, "v1.25.16"), words(&["control-plane"], &["control-plane"]));
    assert_eq!(after(&old, "v1.36.2"), words(&["control-plane"], &["control-plane"]), "who passed over both");
    let between = node(&[CONTROL_PLANE], &[MASTER, CONTROL_PLANE]);
    assert_eq!(after(&between, "v1.24.17"), None);
    assert_eq!(after(&between, "v1.25.16"), words(&["control-plane"], &["control-plane"]));
    // Clusters that 1.19 made had one label.
    assert_eq!(after(&node(&[MASTER], &[MASTER]), "v1.20.2"), words(&["control-plane", "master"], &["master"]));
}

#[test]
fn what_is_somebody_elses_stays() {
    assert_eq!(after(&node(&["example.com/a"], &[MASTER]), "v1.36.2"), None, "it is no control plane");
    let untainted = node(&[CONTROL_PLANE], &["example.com/b"]);
    assert_eq!(after(&untainted, "v1.24.17"), None, "its user lets pods run there");
    let mut evicting = node(&[CONTROL_PLANE], &[]);
    evicting["spec"]["taints"] = json!([{"key": MASTER, "effect": "NoExecute"}]);
    assert_eq!(after(&evicting, "v1.25.16"), None, "no kubeadm made it");
    let mut own = node(&[MASTER, CONTROL_PLANE], &[MASTER, "example.com/b"]);
    own["metadata"]["labels"]["example.com/a"] = json!("1");
    assert_eq!(after(&own, "v1.25.16"), words(&["a", "control-plane"], &["b", "control-plane"]));
}
