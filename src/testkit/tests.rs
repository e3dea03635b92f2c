//! The fakes behave where phases could tell.

use kubewright_node::{EtcdBackend, KubeBackend, KubeErrorKind, ObjectRef, PatchKind, ProbeBackend, ServiceBackend};
use serde_json::{Value as Json, json};

use super::*;

pub(crate) fn machine() -> (tempfile::TempDir, TestNode) {
    let dir = tempfile::tempdir().unwrap();
    let node = node(Utf8Path::from_path(dir.path()).unwrap());
    (dir, node)
}

fn config_map(value: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": "kube-system"}, "data": {"a": value}})
}

#[tokio::test]
async fn the_cluster_is_down_until_the_kubelet_starts() {
    let (_dir, node) = machine();
    let name = ObjectRef::cluster("v1", "Node", "node1");
    let error = node.kube.get(&TestNode::access(), &name).await.unwrap_err();
    assert_eq!(error.kind, KubeErrorKind::Unreachable);
    assert!(node.backends.health.get("http://127.0.0.1:10248/healthz").await.is_err());

    node.services.restart("kubelet").await.unwrap();
    assert!(node.kube.get(&TestNode::access(), &name).await.unwrap().is_some());
    assert_eq!(node.backends.health.get("http://127.0.0.1:10248/healthz").await.unwrap().status, 200);
    assert!(node.services.state("kubelet").await.unwrap().active);
    assert_eq!(node.services.calls(), ["restart kubelet"]);
}

#[tokio::test]
async fn the_api_refuses_what_the_real_one_refuses() {
    let (_dir, node) = machine();
    node.start_cluster();
    let (kube, access) = (&node.kube, TestNode::access());
    let made = kube.create(&access, &config_map("1")).await.unwrap();
    assert_eq!(kube.create(&access, &config_map("1")).await.unwrap_err().kind, KubeErrorKind::AlreadyExists);

    let newer = kube.update(&access, &config_map("2")).await.unwrap();
    assert_ne!(made["metadata"]["resourceVersion"], newer["metadata"]["resourceVersion"]);
    assert_eq!(made["metadata"]["uid"], newer["metadata"]["uid"]);
    assert_eq!(kube.update(&access, &made).await.unwrap_err().kind, KubeErrorKind::Conflict);

    let mut other = config_map("1");
    other["metadata"]["name"] = json!("two");
    assert_eq!(kube.update(&access, &other).await.unwrap_err().kind, KubeErrorKind::NotFound);
    let name = ObjectRef::of(&newer).unwrap();
    assert!(kube.delete(&access, &name).await.unwrap());
    assert!(!kube.delete(&access, &name).await.unwrap());
}

#[tokio::test]
async fn patches_merge_lists_by_their_key() {
    let (_dir, node) = machine();
    node.start_cluster();
    let name = ObjectRef::cluster("v1", "Node", "node1");
    let taint = |key: &str, effect: &str| json!({"key": key, "effect": effect});
    let patch = |taints: Json| json!({"metadata": {"labels": {"new": ""}}, "spec": {"taints": taints}});
    let strategic = |patch: Json| {
        let (node, name) = (&node, &name);
        async move { node.kube.patch(&TestNode::access(), name, &patch, PatchKind::Strategic).await.unwrap() }
    };
    strategic(patch(json!([taint("a", "NoSchedule")]))).await;
    let both = strategic(patch(json!([taint("b", "NoExecute")]))).await;
    assert_eq!(both["spec"]["taints"], json!([taint("a", "NoSchedule"), taint("b", "NoExecute")]));
    assert_eq!(both["metadata"]["labels"]["kubernetes.io/hostname"], "node1");
    let one = strategic(json!({"spec": {"taints": [{"$patch": "delete", "key": "a"}]}})).await;
    assert_eq!(one["spec"]["taints"], json!([taint("b", "NoExecute")]));
    let none = node
        .kube
        .patch(&TestNode::access(), &name, &json!({"spec": {"taints": null}}), PatchKind::Merge)
        .await
        .unwrap();
    assert_eq!(none["spec"], json!({}));
}

#[tokio::test]
async fn fails_the_request_that_was_chosen_and_no_other() {
    let (_dir, node) = machine();
    node.start_cluster();
    node.kube.fail("create ConfigMap", 2, KubeErrorKind::Busy);
    let (kube, access) = (&node.kube, TestNode::access());
    let mut object = config_map("1");
    kube.create(&access, &object).await.unwrap();
    object["metadata"]["name"] = json!("two");
    assert_eq!(kube.create(&access, &object).await.unwrap_err().kind, KubeErrorKind::Busy);
    kube.create(&access, &object).await.unwrap();
    assert_eq!(kube.changes().len(), 3);

    node.services.fail("stop", 1);
    assert!(node.services.stop("kubelet").await.is_err());
    node.services.stop("kubelet").await.unwrap();
    assert!(node.services.restart("nobody").await.is_err());
}

#[tokio::test]
async fn lists_by_field() {
    let (_dir, node) = machine();
    node.start_cluster();
    let secret = |name: &str, kind: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "kube-system"}, "type": kind});
    node.kube.put(secret("one", "bootstrap.kubernetes.io/token"));
    node.kube.put(secret("two", "Opaque"));
    let access = TestNode::access();
    let tokens =
        node.kube.list(&access, "v1", "Secret", Some("kube-system"), Some("type=bootstrap.kubernetes.io/token")).await;
    let tokens = tokens.unwrap();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0]["metadata"]["name"], "one");
}

#[test]
fn the_machine_lists_and_finds_what_it_was_given() {
    let (_dir, node) = machine();
    let probe: &dyn ProbeBackend = &*node.probe;
    assert!(probe.exists("/proc/sys".into()) && !probe.exists("/etc/kubernetes".into()));
    assert_eq!(probe.list("/etc/kubernetes/manifests".into()), None);
    node.probe.edit(|machine| {
        machine.files.insert("/etc/kubernetes/manifests/a.yaml".into(), String::new());
        machine.directories.insert("/var/lib/etcd".into());
    });
    assert_eq!(probe.list("/etc/kubernetes".into()), Some(vec!["manifests".into()]));
    assert_eq!(probe.list("/var/lib/etcd".into()), Some(vec![]));
}

#[tokio::test]
async fn etcd_starts_when_its_static_pod_names_the_members() {
    let (_dir, node) = machine();
    let (etcd, access) = (&node.etcd, TestNode::etcd_access());
    etcd.add_member(&access, "https://10.0.0.2:2380", true).await.unwrap();
    let manifests = node.root.place(Utf8Path::new("/etc/kubernetes/manifests"));
    std::fs::create_dir_all(&manifests).unwrap();
    let up = |cluster: &str| {
        let manifest = format!(
            "    - --data-dir=/var/lib/etcd\n    - --initial-advertise-peer-urls=https://10.0.0.2:2380\n    \
             - --initial-cluster={cluster}\n    - --name=second\n"
        );
        std::fs::write(manifests.join("etcd.yaml"), manifest).unwrap();
        let access = access.clone();
        let etcd = node.backends.etcd.clone();
        async move { etcd.members(&access).await.unwrap()[1].started() }
    };
    assert!(!up("second=https://10.0.0.2:2380").await, "it would be a cluster of its own");
    assert!(up("first=https://10.0.0.1:2380,second=https://10.0.0.2:2380").await);
    assert!(node.root.place(Utf8Path::new("/var/lib/etcd/member")).is_dir());
}
