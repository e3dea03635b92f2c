//! The kubelet's files of every version.

#![allow(clippy::unwrap_used)]

use kubewright_config::Init;
use kubewright_config::model::{Arg, Taint};

use super::*;
use crate::fixture::{defaults, versions, with_cluster};

fn flags(init: &Init, register_taints: bool) -> String {
    flags_env(&init.init.node_registration, &init.cluster, &init.facts, register_taints).unwrap()
}

fn instance(init: &Init) -> Option<String> {
    instance_config(&init.init.node_registration, &init.cluster, &init.facts).unwrap()
}

#[test]
fn every_version_names_the_runtime_exactly_once() {
    for version in versions() {
        let init = defaults(&version);
        let in_flags =
            flags(&init, false).contains("--container-runtime-endpoint=unix:///run/containerd/containerd.sock");
        assert_ne!(in_flags, instance(&init).is_some(), "{version}");
    }
}

#[test]
fn flags_follow_the_version() {
    let of = |version| {
        let mut init = defaults(version);
        init.init.node_registration.hostname_override = None;
        flags(&init, false)
    };
    let socket = "--container-runtime-endpoint=unix:///run/containerd/containerd.sock";
    assert_eq!(of("v1.20.2"), format!("KUBELET_KUBEADM_ARGS=\"--container-runtime=remote {socket}\"\n"));
    assert_eq!(
        of("v1.26.0"),
        format!("KUBELET_KUBEADM_ARGS=\"{socket} --pod-infra-container-image=registry.k8s.io/pause:3.9\"\n")
    );
    assert_eq!(of("v1.36.2"), "KUBELET_KUBEADM_ARGS=\"\"\n");
}

#[test]
fn another_node_name_is_told_to_the_kubelet() {
    assert_eq!(flags(&defaults("v1.36.2"), false), "KUBELET_KUBEADM_ARGS=\"--hostname-override=cp1\"\n");
}

#[test]
fn dockers_old_socket_needs_no_endpoint() {
    for socket in ["unix:///var/run/dockershim.sock", "/var/run/dockershim.sock"] {
        let mut init = defaults("v1.20.2");
        init.init.node_registration.cri_socket = socket.into();
        init.init.node_registration.hostname_override = None;
        assert_eq!(
            flags(&init, false),
            "KUBELET_KUBEADM_ARGS=\"--network-plugin=cni --pod-infra-container-image=k8s.gcr.io/pause:3.2\"\n"
        );
    }
}

#[test]
fn a_workers_taints_are_registered_by_its_kubelet() {
    let mut init = defaults("v1.36.2");
    let taint = |key: &str, value: &str| Taint { key: key.into(), value: value.into(), effect: "NoSchedule".into() };
    init.init.node_registration.taints = vec![taint("a", ""), taint("b", "c")];
    assert!(flags(&init, true).contains("--register-with-taints=a:NoSchedule,b=c:NoSchedule"));
    assert!(!flags(&init, false).contains("register-with-taints"));
}

#[test]
fn flags_are_quoted_as_go_does() {
    let mut init = defaults("v1.36.2");
    init.init.node_registration.hostname_override = None;
    init.init.node_registration.kubelet_extra_args = vec![Arg::new("x", "a \"b\" \\ \n\t\x01\u{7f}\u{a0}é$`'")];
    assert_eq!(flags(&init, false), "KUBELET_KUBEADM_ARGS=\"--x=a \\\"b\\\" \\\\ \\n\\t\\x01\\x7f\\u00a0é$`'\"\n");
}

#[test]
fn the_instance_file_is_one_line() {
    let init = defaults("v1.36.2");
    assert_eq!(instance(&init).unwrap(), "containerRuntimeEndpoint: \"unix:///run/containerd/containerd.sock\"\n");
    let registration = &init.init.node_registration;
    let config = config(&init.kubelet, registration, &init.cluster, &init.facts);
    assert!(config.contains("\ncontainerRuntimeEndpoint: unix:///run/containerd/containerd.sock\n"));
}

#[test]
fn the_gate_moves_the_endpoint() {
    let off = with_cluster("v1.36.2", "featureGates: {NodeLocalCRISocket: false}\n");
    assert_eq!(instance(&off), None);
    assert!(flags(&off, false).contains("--container-runtime-endpoint="));
    let config_off = config(&off.kubelet, &off.init.node_registration, &off.cluster, &off.facts);
    assert!(config_off.contains("\ncontainerRuntimeEndpoint: \"\"\n"));
    let on = with_cluster("v1.33.0", "featureGates: {NodeLocalCRISocket: true}\n");
    assert!(instance(&on).is_some());
    assert!(!flags(&on, false).contains("--container-runtime-endpoint="));
}
