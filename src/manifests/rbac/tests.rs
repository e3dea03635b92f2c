//! Roles and bindings of every version, read back as their types.

#![allow(clippy::unwrap_used)]

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};

use super::*;
use crate::fixture::{defaults, versions};

/// Reads an object as its type, and gives the name of the role that it grants.
fn granted(object: &Value) -> Option<String> {
    let object = object.clone();
    match object["kind"].as_str().unwrap() {
        "ClusterRole" => {
            let role: ClusterRole = serde_json::from_value(object).unwrap();
            assert!(!role.rules.unwrap().is_empty());
            None
        }
        "Role" => {
            let role: Role = serde_json::from_value(object).unwrap();
            assert!(!role.rules.unwrap()[0].resource_names.as_ref().unwrap()[0].is_empty());
            None
        }
        "ClusterRoleBinding" => {
            let binding: ClusterRoleBinding = serde_json::from_value(object).unwrap();
            assert!(!binding.subjects.unwrap().is_empty());
            Some(binding.role_ref.name)
        }
        "RoleBinding" => {
            let binding: RoleBinding = serde_json::from_value(object).unwrap();
            assert!(!binding.subjects.unwrap().is_empty());
            Some(binding.role_ref.name)
        }
        kind => panic!("{kind}"),
    }
}

#[test]
fn every_version_gives_objects_of_their_types() {
    for version in versions() {
        let facts = defaults(&version).facts;
        let mut objects = bootstrap(&facts).unwrap();
        objects.extend(kubeadm_config().unwrap());
        objects.extend(kubelet_config(&facts).unwrap());
        objects.extend(kubeadm_certs().unwrap());
        objects.extend(cluster_info().unwrap());
        objects.extend(cluster_admins(&facts).unwrap());
        let granted: Vec<String> = objects.iter().filter_map(granted).collect();
        assert!(granted.contains(&format!("kubeadm:{}", facts.kubelet.config_map)), "{version}: {granted:?}");
    }
}

#[test]
fn the_api_servers_certificate_gets_its_role_where_it_has_no_group() {
    let last = |version| bootstrap(&defaults(version).facts).unwrap().pop().unwrap()["metadata"]["name"].clone();
    assert_eq!(last("v1.36.2"), "kubeadm:apiserver-kubelet-client");
    assert_eq!(last("v1.20.2"), "kubeadm:node-autoapprove-certificate-rotation");
}

#[test]
fn administrators_are_bound_where_their_group_has_no_power_by_itself() {
    assert_eq!(cluster_admins(&defaults("v1.28.0").facts).unwrap(), None);
    let binding = cluster_admins(&defaults("v1.29.0").facts).unwrap().unwrap();
    assert_eq!(granted(&binding).unwrap(), "cluster-admin");
    assert_eq!(binding["subjects"][0]["name"], "kubeadm:cluster-admins");
}
