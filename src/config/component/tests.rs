#![allow(clippy::unwrap_used)]

use super::*;
use crate::load::tests::{defaults, from_file};

fn kubelet_hash(doc: &Value) -> (usize, String) {
    let text = yaml::to_string(doc);
    (text.len(), config_hash([text.as_bytes()]))
}

#[test]
fn kubelet_config_is_kubeadms_byte_for_byte() {
    let (init, _) = defaults("v1.36.2", |_| {});
    assert_eq!(init.kubelet.node_resolv_conf, None);
    let (length, hash) = kubelet_hash(&init.kubelet.document);
    assert_eq!(
        (length, hash.as_str()),
        (1078, "sha256:26488e9fc7c5cb5fdda9996cda2e6651a9af5febce07ea02de11bd3ef3f49e9c"),
        "{}",
        init.kubelet.config_map_yaml()
    );
}

#[test]
fn kubelet_config_with_the_nodes_resolv_conf_is_kubeadms() {
    let (init, _) = defaults("v1.36.2", |host| host.resolved_active = true);
    assert_eq!(kubelet_hash(&init.kubelet.document).0, 1078, "the shared document does not have it");
    let (length, hash) = kubelet_hash(&init.kubelet.with_node());
    assert_eq!(
        (length, hash.as_str()),
        (1123, "sha256:0ff07274ab31cc8c0f9d989e90179a90b6e9b633c8f3671993f44185a0791127")
    );
}

#[test]
fn kube_proxy_config_is_as_long_as_kubeadms() {
    let (init, _) = defaults("v1.36.2", |_| {});
    let config = init.kube_proxy.config_map_yaml();
    // Its hash, with that of the kubeconfig beside it, is compared where the ConfigMap is made.
    assert_eq!(config.len(), 1331, "{config}");
}

#[test]
fn kubelet_config_of_1_20_is_its_kubeadms_byte_for_byte() {
    let (init, _) = defaults("v1.20.2", |_| {});
    assert_eq!(
        kubelet_hash(&init.kubelet.document).1,
        "sha256:0af81a488165c9cf834468fb5bf575c23380eb498a0ef1b55b67d189a6852261",
        "recorded from kubeadm 1.20.2"
    );
}

#[test]
fn documents_of_1_20_have_only_its_fields() {
    let (init, _) = defaults("v1.20.2", |host| host.resolved_active = true);
    let kubelet = &init.kubelet.document;
    for absent in ["cgroupDriver", "containerRuntimeEndpoint", "crashLoopBackOff", "imageMaximumGCAge", "memorySwap"] {
        assert_eq!(kubelet.get(absent), None, "{absent}");
    }
    assert_eq!(kubelet["logging"], json!({}));
    assert_eq!(kubelet["resolvConf"], RESOLVED_CONF);
    let proxy = &init.kube_proxy.document;
    for absent in ["logging", "nftables", "detectLocal"] {
        assert_eq!(proxy.get(absent), None, "{absent}");
    }
    assert_eq!(proxy["udpIdleTimeout"], "0s");
}

#[test]
fn a_users_document_wins_over_defaults() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\n---\n\
        apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDNS: [10.0.0.1]\n\
        syncFrequency: 2m\nrotateCertificates: no\nauthentication:\n  anonymous:\n    enabled: true\nevictionHard:\n  memory.available: 5%\nhealthzPort: 0\n---\n\
        apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\nclusterCIDR: null\nconntrack: {tcpEstablishedTimeout: 24h}\n";
    let (init, warnings) = from_file(text).unwrap();
    let kubelet = &init.kubelet.document;
    assert_eq!(kubelet["clusterDNS"], json!(["10.0.0.1"]));
    assert_eq!(kubelet["syncFrequency"], "2m0s");
    assert_eq!(kubelet["fileCheckFrequency"], "0s");
    assert_eq!(kubelet["rotateCertificates"], true);
    assert_eq!(kubelet["authentication"]["anonymous"]["enabled"], true);
    assert_eq!(kubelet["authentication"]["webhook"], json!({"cacheTTL": "0s", "enabled": true}));
    assert_eq!(kubelet["evictionHard"], json!({"memory.available": "5%"}));
    assert_eq!(init.kubelet.healthz(), None);
    assert!(init.kubelet.user_supplied && init.kube_proxy.user_supplied);
    assert_eq!(
        (&init.kube_proxy.document["mode"], &init.kube_proxy.document["clusterCIDR"]),
        (&json!("ipvs"), &json!(""))
    );
    assert_eq!(init.kube_proxy.document["conntrack"]["tcpEstablishedTimeout"], "24h0m0s");
    let told: Vec<(&str, Option<usize>)> = warnings.iter().map(|it| (it.field.as_str(), it.line)).collect();
    assert_eq!(
        told,
        [
            ("clusterDNS", Some(7)),
            ("authentication.anonymous.enabled", Some(12)),
            ("healthzPort", Some(15)),
            ("rotateCertificates", Some(9)),
        ]
    );
}
