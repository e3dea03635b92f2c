#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use kubewright_config::component::config_hash;
use kubewright_config::{InitFlags, load_init, store, stored_cluster};
use kubewright_node::KubeErrorKind;
use kubewright_testkit::{FakeKube, TestNode};
use serde_json::{Value as Json, json};

use super::*;
use crate::asking::Asking;
use crate::prelude::*;

/// What `init` of a version stores, on a cluster with one control plane.
fn cluster(version: &str) -> FakeKube {
    let kube = FakeKube::default();
    kube.start();
    let flags = InitFlags { kubernetes_version: Some(version.into()), ..InitFlags::default() };
    let host = kubewright_config::HostFacts::with_address("node1", "192.0.2.2".parse().unwrap());
    let (init, _) = load_init(None, &flags, &host, &mut |bytes| bytes.fill(1)).unwrap();
    let timeout = init.init.timeouts.control_plane_component_health_check;
    let text = store::cluster_configuration_yaml(&init.cluster, &init.facts, timeout);
    let endpoints = BTreeMap::from([("node1".to_owned(), init.init.local_api_endpoint)]);
    let mut data = json!({"ClusterConfiguration": text});
    if let Some(status) = store::cluster_status_yaml(&endpoints, &init.facts) {
        data["ClusterStatus"] = status.into();
    }
    kube.put(config_map("kubeadm-config", data, None));
    let text = init.kubelet.config_map_yaml();
    let hash = config_hash([text.as_bytes()]);
    kube.put(config_map(&init.facts.kubelet.config_map, json!({"kubelet": text}), Some(&hash)));
    let text = init.kube_proxy.config_map_yaml();
    kube.put(config_map("kube-proxy", json!({"config.conf": text, "kubeconfig.conf": "k"}), Some("sha256:0")));
    kube.put(node("node1", version));
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        kube.put(pod(component, "node1", &format!("k8s.gcr.io/{component}:{version}")));
    }
    kube.put(pod("etcd", "node1", "k8s.gcr.io/etcd:3.4.13-0"));
    kube.put(deployment("coredns", "k8s.gcr.io/coredns:1.7.0"));
    kube.answer("/version", &json!({"gitVersion": version}).to_string());
    kube
}

fn config_map(name: &str, data: Json, hash: Option<&str>) -> Json {
    let annotations = hash.map(|hash| json!({"kubeadm.kubernetes.io/component-config.hash": hash}));
    let metadata = json!({"name": name, "namespace": "kube-system", "annotations": annotations});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
}

fn node(name: &str, kubelet: &str) -> Json {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "spec": {"taints": [{"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"}]},
        "status": {"nodeInfo": {"kubeletVersion": kubelet}},
    })
}

fn pod(component: &str, node: &str, image: &str) -> Json {
    let annotations = match component {
        "kube-apiserver" => {
            json!({"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": "192.0.2.2:6443"})
        }
        _ => json!({}),
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{component}-{node}"), "namespace": "kube-system",
            "labels": {"component": component, "tier": "control-plane"}, "annotations": annotations,
        },
        "spec": {"nodeName": node, "containers": [{"image": image}]},
    })
}

fn deployment(name: &str, image: &str) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
    })
}

/// The files of a node; the paths that are named hold their texts.
fn files(files: &[(&str, &str)]) -> impl Fn(&Utf8Path) -> Result<Option<Contents>, Failure> + Sync {
    let files: BTreeMap<String, String> = files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
    move |path| Ok(files.get(path.as_str()).map(|text| Contents::public(text.as_str())))
}

const MANIFEST: (&str, &str) = ("/etc/kubernetes/manifests/kube-apiserver.yaml", "");

#[tokio::test]
async fn reads_what_every_version_stores() {
    for version in ["v1.20.2", "v1.24.17", "v1.30.14", "v1.36.2"] {
        let kube = cluster(version);
        let stored = read_configuration(&TestNode::access(), Asking::Silent(&kube), Reader::Looker).await.unwrap();
        assert_eq!(stored.cluster.kubernetes_version.to_string(), version);
        assert!(stored.kubelet.generated, "{version}");
        // Somebody edited this one, so that its hash is another.
        assert!(!stored.kube_proxy.as_ref().unwrap().generated, "{version}");
        let next = stored.facts.version.minor() + u64::from(version != "v1.36.2");
        let (cluster, facts) = stored.at(&format!("v1.{next}.0").parse().unwrap()).unwrap();
        assert_eq!(cluster.kubernetes_version, facts.version);
    }
}

#[test]
fn the_old_default_registry_becomes_the_new_one_and_the_users_stays() {
    for (given, wanted) in [("k8s.gcr.io", "registry.k8s.io"), ("mirror.example/k8s", "mirror.example/k8s")] {
        let text = format!(
            "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.24.1\nimageRepository: {given}\n"
        );
        let (cluster, old) = stored_cluster(text.as_bytes()).unwrap();
        let (cluster, facts) = brought_to(cluster, &old, &"v1.25.0".parse().unwrap()).unwrap();
        assert_eq!(cluster.image_repository, wanted);
        assert_eq!(
            (cluster.kubernetes_version.to_string(), &facts.version),
            ("v1.25.0".into(), &cluster.kubernetes_version)
        );
    }
}

#[tokio::test]
async fn says_what_is_missing() {
    let kube = cluster("v1.20.2");
    let access = TestNode::access();
    kube.put(config_map("kubeadm-config", json!({}), None));
    let error = read_configuration(&access, Asking::Silent(&kube), Reader::Looker).await.unwrap_err();
    assert!(error.chain().join(": ").contains("has no key `ClusterConfiguration`"), "{:?}", error.chain());
    let kube = cluster("v1.20.2");
    // A worker may not read it.
    kube.fail("get ConfigMap kube-system/kube-proxy", 1, KubeErrorKind::Forbidden);
    assert_eq!(read_configuration(&access, Asking::Silent(&kube), Reader::Looker).await.unwrap().kube_proxy, None);
    kube.fail("get ConfigMap kube-system/kube-proxy", 1, KubeErrorKind::Forbidden);
    let error = read_configuration(&access, Asking::Silent(&kube), Reader::Writer).await.unwrap_err();
    assert!(error.chain().join(": ").starts_with("cannot read kube-proxy's configuration"), "{:?}", error.chain());
}

#[tokio::test]
async fn finds_its_own_node() {
    let kube = cluster("v1.36.2");
    let (access, asking) = (TestNode::access(), Asking::Silent(&kube));
    let stored = read_configuration(&access, asking, Reader::Looker).await.unwrap();
    let instance = ("/var/lib/kubelet/instance-config.yaml", "containerRuntimeEndpoint: unix:///run/x.sock\n");
    let own = find_own_node(&stored, "Node1", &access, asking, &files(&[MANIFEST, instance])).await.unwrap();
    assert_eq!((own.name.as_str(), own.cri_socket.as_str()), ("node1", "unix:///run/x.sock"));
    assert_eq!(own.endpoint.unwrap().url(), "https://192.0.2.2:6443");
    assert_eq!(own.taints[0].to_string(), "node-role.kubernetes.io/master:NoSchedule");
    let flags =
        ("/var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=/run/y.sock\"");
    let own = find_own_node(&stored, "node1", &access, asking, &files(&[flags])).await.unwrap();
    assert_eq!((own.cri_socket.as_str(), own.endpoint), ("/run/y.sock", None));
    let error = find_own_node(&stored, "node2", &access, asking, &files(&[])).await.unwrap_err();
    assert!(error.chain().join(": ").contains("the cluster has no Node node2"), "{:?}", error.chain());
}

#[tokio::test]
async fn an_old_cluster_lists_endpoints_that_no_pod_tells() {
    let kube = cluster("v1.20.2");
    let (access, asking) = (TestNode::access(), Asking::Silent(&kube));
    let mut silent = pod("kube-apiserver", "node1", "k8s.gcr.io/kube-apiserver:v1.20.2");
    silent["metadata"]["annotations"] = json!({});
    kube.put(silent.clone());
    let mut stored = read_configuration(&access, asking, Reader::Looker).await.unwrap();
    let own = find_own_node(&stored, "node1", &access, asking, &files(&[MANIFEST])).await.unwrap();
    assert_eq!(own.endpoint.unwrap().url(), "https://192.0.2.2:6443");
    stored.listed_endpoints.clear();
    let error = find_own_node(&stored, "node1", &access, asking, &files(&[MANIFEST])).await.unwrap_err();
    assert!(error.chain().join(": ").contains("does not tell where it listens"), "{:?}", error.chain());
}

#[tokio::test]
async fn reads_the_versions_that_run() {
    let kube = cluster("v1.20.2");
    kube.put(node("node2", "v1.19.1"));
    kube.put(pod("kube-apiserver", "node2", "registry:5000/kube-apiserver:v1.21.0-rc.1_abc@sha256:00"));
    let versions = read_versions(&TestNode::access(), Asking::Silent(&kube)).await.unwrap();
    assert_eq!(versions.server.to_string(), "v1.20.2");
    let standing = versions.standing();
    assert_eq!(standing.api_servers["node2"].to_string(), "v1.21.0-rc.1+abc");
    assert_eq!(standing.kubelets.unwrap().into_iter().collect::<Vec<_>>(), ["v1.19.1", "v1.20.2"]);
    assert_eq!(versions.etcd, ByVersion::from([("3.4.13-0".to_owned(), vec!["node1".to_owned()])]));
    assert_eq!(versions.dns, "1.7.0");
}

#[tokio::test]
async fn what_cannot_be_told_is_an_error_or_unknown() {
    let kube = cluster("v1.20.2");
    let access = TestNode::access();
    kube.fail("list Node", 1, KubeErrorKind::Forbidden);
    assert_eq!(read_versions(&access, Asking::Silent(&kube)).await.unwrap().kubelets, None);
    kube.put(deployment("dns2", "coredns:1.8.0"));
    let error = read_versions(&access, Asking::Silent(&kube)).await.unwrap_err();
    assert_eq!(error.to_string(), "multiple DNS addon deployments found: coredns, dns2");
    kube.answer("/version", "moved");
    let error = read_versions(&access, Asking::Silent(&kube)).await.unwrap_err();
    assert!(error.to_string().starts_with("Couldn't parse cluster version"), "{error}");
}

#[test]
fn tags_of_images() {
    for (image, tag) in [
        ("k8s.gcr.io/etcd:3.4.13-0", "3.4.13-0"),
        ("registry:5000/etcd", ""),
        ("registry:5000/etcd:3", "3"),
        ("etcd@sha256:00", ""),
        ("a/etcd:3.5.24-0@sha256:00", "3.5.24-0"),
        ("", ""),
    ] {
        assert_eq!(image_tag(image), tag, "{image}");
    }
}
