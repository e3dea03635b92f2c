//! The kube-proxy addon of every version, read back as its types.

#![allow(clippy::unwrap_used)]

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, Role, RoleBinding};
use kubewright_config::{Init, yaml};
use serde::de::DeserializeOwned;

use super::*;
use crate::fixture::{defaults, versions, with_cluster};

fn typed<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn made(init: &Init, proxies: &[(String, String)]) -> Vec<Value> {
    kube_proxy(&init.cluster, &init.kube_proxy, &init.init.local_api_endpoint, &init.facts, proxies).unwrap()
}

#[test]
fn every_version_gives_objects_of_their_types() {
    for version in versions() {
        let init = defaults(&version);
        let objects = made(&init, &[]);
        let data = typed::<ConfigMap>(&objects[0]).data.unwrap();
        for text in data.values() {
            assert!(!text.ends_with('\n'));
            assert!(yaml::document(text.as_bytes()).unwrap().value().is_object());
        }
        let spec = typed::<DaemonSet>(&objects[1]).spec.unwrap().template.spec.unwrap();
        assert!(spec.containers[0].image.as_ref().unwrap().ends_with(&format!("/kube-proxy:{version}")));
        typed::<ServiceAccount>(&objects[2]);
        typed::<ClusterRoleBinding>(&objects[3]);
        typed::<Role>(&objects[4]);
        typed::<RoleBinding>(&objects[5]);
    }
}

#[test]
fn the_config_map_is_kubeadms_to_the_byte() {
    let init = defaults("v1.36.2");
    let object = &made(&init, &[])[0];
    let length = |key: &str| object["data"][key].as_str().unwrap().len();
    assert_eq!((length("config.conf"), length("kubeconfig.conf")), (1331, 401));
    assert_eq!(
        object["metadata"]["annotations"]["kubeadm.kubernetes.io/component-config.hash"],
        "sha256:158927728d1fc644fd4a223dfe65e57614b434a8f97f74fa67f8e1f06ed3b079"
    );
    assert_eq!(
        made(&defaults("v1.20.2"), &[])[0]["metadata"]["annotations"]["kubeadm.kubernetes.io/component-config.hash"],
        "sha256:c20a028d8b6328f50e5049dd685d5d325f4fc4772b0b44a7e080ea74188a17a5",
        "recorded from kubeadm 1.20.2"
    );
}

#[test]
fn a_users_document_has_no_hash() {
    let mut init = defaults("v1.36.2");
    init.kube_proxy.user_supplied = true;
    assert_eq!(made(&init, &[])[0]["metadata"].get("annotations"), None);
}

#[test]
fn the_machines_proxies_reach_the_containers() {
    let proxies =
        [("no_proxy", "a,b"), ("HTTPS_PROXY", "http://p: #\"")].map(|(name, value)| (name.into(), value.into()));
    let init = defaults("v1.36.2");
    let env = made(&init, &proxies)[1]["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    let names: Vec<&str> = env.as_array().unwrap().iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["NODE_NAME", "HTTPS_PROXY", "no_proxy"]);
    assert_eq!(env[1]["value"], "http://p: #\"");
}

#[test]
fn the_printed_manifest_has_neither_hash_nor_proxies() {
    let init = with_cluster("v1.36.2", "controlPlaneEndpoint: lb.example.com\n");
    let text =
        kube_proxy_manifest(&init.cluster, &init.kube_proxy, &init.init.local_api_endpoint, &init.facts).unwrap();
    assert!(text.starts_with("---\napiVersion: v1\nkind: ServiceAccount\n"), "{text}");
    assert!(!text.contains("component-config.hash") && text.contains("server: https://lb.example.com:6443"));
}
