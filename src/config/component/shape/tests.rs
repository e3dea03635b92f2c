#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::load::tests::from_file;
use crate::{facts_for, known_minors};

#[test]
fn quantities_are_kubernetes_own() {
    for text in ["0", "1", "1.5Gi", "100m", "1e3", "1E-3", ".5", "5.", "+1", "-1", "10Ki", "12k", "1n"] {
        assert!(is_quantity(text), "{text}");
    }
    for text in ["", ".", "Gi", "1 Gi", "1GB", "1.2.3", "1K", "0x10", "1e", "1ki", "++1", "1_000"] {
        assert!(!is_quantity(text), "{text}");
    }
}

/// The zero documents of every version and the shapes come from different places.
#[test]
fn every_field_that_we_write_has_a_shape() {
    fn within(value: &Value, shape: &Shape, path: &str) {
        let (Value::Object(map), Shape::Fields(fields)) = (value, shape) else { return };
        for (key, value) in map {
            let path = yaml::child(path, key);
            within(value, fields.get(key).unwrap_or_else(|| panic!("no shape for {path}")), &path);
        }
    }
    for minor in known_minors() {
        let facts = facts_for(&crate::KubernetesVersion::new(1, minor, 0)).unwrap();
        within(&facts.kubelet.zero_document, &SHAPES.kubelet, "");
        within(&facts.kube_proxy.zero_document, &SHAPES.kube_proxy, "");
    }
}

#[test]
fn our_own_documents_are_taken() {
    let text =
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {podSubnet: 10.244.0.0/16}\n";
    for minor in known_minors() {
        let version = crate::versions::newest_release(minor).unwrap();
        let text = format!("{text}kubernetesVersion: {version}\n");
        let (init, _) = from_file(&text).unwrap();
        let again =
            format!("{text}---\n{}---\n{}\n", init.kubelet.config_map_yaml(), init.kube_proxy.config_map_yaml());
        let (read, warnings) = from_file(&again).unwrap_or_else(|errors| panic!("{version}: {errors}"));
        assert_eq!(warnings, [], "{version}");
        assert_eq!(read.kubelet.document, init.kubelet.document);
        assert_eq!(read.kube_proxy.document, init.kube_proxy.document);
    }
}

proptest! {
    #[test]
    fn any_values_are_taken_or_refused(
        kind in prop::sample::select(vec![("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"), ("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration")]),
        field in prop::sample::select(vec![
            "clusterDNS", "evictionHard", "systemReserved", "healthzPort", "authentication", "mode", "clusterCIDR", "conntrack",
            "logging", "registerWithTaints", "shutdownGracePeriod", "reservedSystemCPUs", "imageGCLowThresholdPercent",
        ]),
        value in "[ -~]{0,40}|\\[[ -~]{0,20}\\]|\\{[ -~]{0,20}\\}",
    ) {
        let (api, kind) = kind;
        let text = format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n---\napiVersion: {api}\nkind: {kind}\n{field}: {value}\n");
        if let Err(errors) = from_file(&text) {
            for error in &errors.errors {
                prop_assert!(error.hint.is_some() && error.line.is_some(), "{error}");
            }
        }
    }
}
