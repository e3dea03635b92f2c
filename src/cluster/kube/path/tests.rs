//! Where objects are, and what cannot be a name.

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn core_objects_stand_below_api() {
    assert_eq!(
        object("v1", "ConfigMap", Some("kube-system"), "kubeadm-config").unwrap(),
        "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
    );
    assert_eq!(object("v1", "Node", None, "node-1").unwrap(), "/api/v1/nodes/node-1");
}

#[test]
fn grouped_objects_stand_below_apis() {
    assert_eq!(
        object("rbac.authorization.k8s.io/v1", "ClusterRole", None, "kubeadm:get-nodes").unwrap(),
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/kubeadm:get-nodes"
    );
    assert_eq!(home("apps/v1", "DaemonSet", Some("x")).unwrap(), "/apis/apps/v1/namespaces/x/daemonsets");
}

#[test]
fn lists_across_namespaces_but_names_only_within_one() {
    assert_eq!(collection("v1", "Pod", None).unwrap(), "/api/v1/pods");
    assert_eq!(home("v1", "Pod", None).unwrap_err(), "a Pod needs a namespace");
    assert_eq!(object("v1", "Pod", None, "x").unwrap_err(), "a Pod needs a namespace");
}

#[test]
fn refuses_a_namespace_for_an_object_of_the_cluster() {
    assert_eq!(
        collection("v1", "Node", Some("default")).unwrap_err(),
        "a Node belongs to the whole cluster, not to a namespace"
    );
}

#[test]
fn an_unknown_kind_is_named_with_its_version() {
    assert_eq!(
        collection("apps/v1beta1", "Deployment", None).unwrap_err(),
        "kubewright does not know the kind Deployment of apps/v1beta1"
    );
}

#[test]
fn a_name_cannot_leave_its_place() {
    for name in ["", ".", "..", "a/b", "a%2Fb"] {
        assert!(object("v1", "Node", None, name).is_err(), "{name}");
        assert!(object("v1", "Pod", Some(name), "x").is_err(), "{name}");
    }
    assert_eq!(object("v1", "Node", None, "a b?x#y").unwrap(), "/api/v1/nodes/a%20b%3Fx%23y");
}

#[test]
fn no_kind_stands_twice_in_the_table() {
    let mut seen = std::collections::HashSet::new();
    for place in PLACES {
        assert!(seen.insert((place.api_version, place.kind)), "{} {}", place.api_version, place.kind);
    }
}
