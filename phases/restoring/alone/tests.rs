//! Who is believed about other members.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use kubewright_engine::{Capability as _, EffectLog, Events, Journal, World as _};
use serde_json::json;

use super::*;

/// Asks on a node: with what etcd's pods there are, how many members etcd tells of, and whether the manifest names others.
async fn judged(pods: usize, members: usize, others: &str) -> Result<(), Failure> {
    let dir = tempfile::tempdir().unwrap();
    let node = kubewright_testkit::node(Utf8Path::from_path(dir.path()).unwrap());
    let log = EffectLog::new("preflight", Arc::new(Journal::discarding("run")), Events::channel().0);
    let session = node.world().begin(log);
    let files = Files::of(&session);
    for path in ["admin.conf", "pki/etcd/ca.crt", "pki/etcd/server.crt", "pki/etcd/server.key"] {
        files.write(&Utf8Path::new("/etc/kubernetes").join(path), &Contents::public("x"), paths::SECRET_FILE).unwrap();
    }
    if pods > 0 {
        node.kube.start();
    }
    for number in 1..=pods {
        node.kube.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": format!("etcd-node{number}"), "namespace": "kube-system",
            "labels": {"component": "etcd", "tier": "control-plane"},
            "annotations": {"kubeadm.kubernetes.io/etcd.advertise-client-urls": format!("https://10.0.0.{number}:2379")},
        }}));
    }
    node.etcd.before_each_list(|_| {});
    node.etcd.become_of(Vec::new());
    for number in 1..=members {
        let id = node.etcd.put(&format!("https://10.0.0.{number}:2380"), false);
        node.etcd.start(id, &format!("node{number}"));
    }
    if members == 0 {
        (1..200).for_each(|nth| node.etcd.fail("list", nth, kubewright_node::EtcdErrorKind::Access));
    }
    let pod = EtcdPod {
        name: "node1".into(),
        image: "registry.k8s.io/etcd:3.6.6-0".into(),
        data_dir: "/var/lib/etcd".into(),
        wal_dir: None,
        peer_url: "https://10.0.0.1:2380".into(),
        client_url: "https://10.0.0.1:2379".into(),
        initial: format!("https://10.0.0.1:2380{others}").split(',').map(str::to_owned).collect(),
        authority: "/etc/kubernetes/pki/etcd/ca.crt".into(),
        certificate: "/etc/kubernetes/pki/etcd/server.crt".into(),
        key: "/etc/kubernetes/pki/etcd/server.key".into(),
    };
    let report = Report::new("preflight", Events::channel().0);
    must_be_alone(&pod, &files, &Kube::of(&session), &Etcd::of(&session), &report).await
}

#[tokio::test]
async fn an_only_member_is_alone_also_where_others_have_left() {
    judged(1, 1, "").await.unwrap();
    judged(1, 1, ",https://10.0.0.2:2380").await.unwrap();
}

#[tokio::test]
async fn one_of_several_is_refused_whoever_says_so() {
    let refused = judged(0, 3, "").await.unwrap_err();
    assert!(refused.to_string().contains("etcd has 3 members, as etcd itself says"), "{refused}");
    let refused = judged(3, 1, "").await.unwrap_err();
    assert!(refused.to_string().contains("etcd has 3 members, as the API server says"), "{refused}");
}

#[tokio::test]
async fn where_nobody_answers_the_manifest_decides() {
    judged(0, 0, "").await.unwrap();
    let refused = judged(0, 0, ",https://10.0.0.2:2380").await.unwrap_err();
    assert!(refused.to_string().contains("nobody answers who could tell"), "{refused}");
}
