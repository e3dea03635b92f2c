//! The CoreDNS addon of every version, read back as its types.

#![allow(clippy::unwrap_used)]

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kubewright_config::yaml;
use serde::de::DeserializeOwned;

use super::*;
use crate::fixture::{defaults, versions, with_cluster};

fn typed<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn every_version_gives_objects_of_their_types() {
    for version in versions() {
        let init = defaults(&version);
        let objects = coredns(&init.cluster, &init.facts, None).unwrap();
        let corefile = typed::<ConfigMap>(&objects[0]).data.unwrap()["Corefile"].clone();
        assert!(
            corefile.starts_with(".:53 {\n    errors\n") && corefile.ends_with("    loadbalance\n}\n"),
            "{corefile}"
        );
        assert_eq!(corefile.matches('{').count(), corefile.matches('}').count());
        let rules = typed::<ClusterRole>(&objects[1]).rules.unwrap();
        assert!(rules.iter().all(|rule| !rule.verbs.is_empty()));
        typed::<ClusterRoleBinding>(&objects[2]);
        typed::<ServiceAccount>(&objects[3]);
        let deployment = typed::<Deployment>(&objects[4]).spec.unwrap();
        assert_eq!(deployment.replicas, Some(2));
        let pod = deployment.template.spec.unwrap();
        assert!(pod.containers[0].image.as_ref().unwrap().contains("coredns"), "{version}");
        let service = typed::<Service>(&objects[5]).spec.unwrap();
        assert_eq!(service.cluster_ip.as_deref(), Some("10.96.0.10"));
    }
}

#[test]
fn an_existing_deployment_keeps_its_replicas() {
    let init = defaults("v1.36.2");
    let objects = coredns(&init.cluster, &init.facts, Some(5)).unwrap();
    assert_eq!(objects[4]["spec"]["replicas"], 5);
}

#[test]
fn probes_name_ports_that_are_declared() {
    for (version, port) in [("v1.33.0", Value::from(8080)), ("v1.34.0", Value::from("liveness-probe"))] {
        let init = defaults(version);
        let objects = coredns(&init.cluster, &init.facts, None).unwrap();
        let container = &objects[4]["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["livenessProbe"]["httpGet"]["port"], port, "{version}");
        let declared = container["ports"].as_array().unwrap().len();
        assert_eq!(declared, if port.is_string() { 5 } else { 3 });
    }
}

#[test]
fn the_domain_is_that_of_the_cluster() {
    let init = with_cluster("v1.36.2", "networking: {dnsDomain: example.internal, serviceSubnet: 10.1.0.0/16}\n");
    let objects = coredns(&init.cluster, &init.facts, None).unwrap();
    let corefile = objects[0]["data"]["Corefile"].as_str().unwrap();
    assert!(corefile.contains("kubernetes example.internal in-addr.arpa ip6.arpa {"));
    assert!(corefile.contains("disable denial example.internal\n"));
    assert_eq!(objects[5]["spec"]["clusterIP"], "10.1.0.10");
}

#[test]
fn the_printed_manifest_has_every_document() {
    let init = defaults("v1.36.2");
    let text = coredns_manifest(&init.cluster, &init.facts).unwrap();
    assert!(text.starts_with("---\napiVersion: apps/v1\n"));
    let kinds: Vec<String> = yaml::documents(text.as_bytes())
        .unwrap()
        .iter()
        .map(|document| document.value()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["Deployment", "ConfigMap", "Service", "ClusterRole", "ClusterRoleBinding", "ServiceAccount"]);
}
