#![allow(clippy::unwrap_used)]

use kubewright_config::{HostFacts, InitFlags, load_init};

use super::*;

fn node(name: &str, role: bool, ready: &str, unschedulable: bool) -> Json {
    let labels = if role { json!({"node-role.kubernetes.io/control-plane": ""}) } else { json!({}) };
    json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"unschedulable": unschedulable},
        "status": {"conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}]},
    })
}

#[test]
fn control_planes_must_be_ready() {
    let well = [node("a", true, "True", false), node("b", false, "False", false)];
    assert_eq!(control_planes(&well), None);
    let ill = [node("a", true, "Unknown", false), node("c", true, "False", false)];
    let finding = control_planes(&ill).unwrap();
    assert_eq!(finding.message, "there are NotReady control-planes in the cluster: [a c]");
}

#[test]
fn a_job_needs_a_node_that_takes_pods() {
    assert!(!any_schedulable(&[]) && !any_schedulable(&[node("a", true, "True", true)]));
    assert!(any_schedulable(&[node("a", true, "True", true), node("b", false, "True", false)]));
}

#[test]
fn manifests_that_are_missing_are_named() {
    assert_eq!(manifests(|_| true), None);
    let finding = manifests(|path| !path.as_str().contains("scheduler")).unwrap();
    assert_eq!(finding.message, "manifest files not found: [/etc/kubernetes/manifests/kube-scheduler.yaml]");
}

#[test]
fn the_job_is_kubeadms_and_runs_where_it_may() {
    for (version, key) in
        [("v1.20.2", "node-role.kubernetes.io/master"), ("v1.36.2", "node-role.kubernetes.io/control-plane")]
    {
        let flags = InitFlags { kubernetes_version: Some(version.into()), ..InitFlags::default() };
        let host = HostFacts::with_address("node1", "192.0.2.2".parse().unwrap());
        let (init, _) = load_init(None, &flags, &host, &mut |bytes| bytes.fill(1)).unwrap();
        let job = job(42, &init.cluster, &init.facts);
        assert_eq!(job["metadata"]["name"], "upgrade-health-check-42");
        let spec = &job["spec"]["template"]["spec"];
        assert_eq!(spec["tolerations"], json!([{"key": key, "effect": "NoSchedule"}]));
        let image = spec["containers"][0]["image"].as_str().unwrap();
        assert!(image.ends_with(&format!("/pause:{}", init.facts.images.pause)), "{image}");
    }
}

#[test]
fn the_jobs_end_is_known() {
    let with = |kind| json!({"status": {"conditions": [{"type": kind, "reason": "R", "message": "m"}]}});
    assert!(is_complete(&with("Complete")) && why_failed(&with("Complete")).is_none());
    assert_eq!(why_failed(&with("Failed")).unwrap(), "R: m");
    assert!(!is_complete(&json!({})) && why_failed(&json!({})).is_none());
}
