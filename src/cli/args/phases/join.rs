//! What the phases of `join` take; kubeadm: `cmd/phases/join/*.go`. The endpoint is an argument, which counts as a flag
//! here.

use super::PhaseFlags;

/// Flags of `join phase …`.
pub(super) const JOIN: PhaseFlags = PhaseFlags { flags: FLAGS, aliases: &[], without_all: &[] };

const FLAGS: &[(&str, &[&str])] = &[
    ("preflight", CLUSTER_FLAGS),
    (
        "preflight",
        &[
            "control-plane",
            "node-name",
            "apiserver-advertise-address",
            "apiserver-bind-port",
            "certificate-key",
            "certificate-key-file",
            "cri-socket",
            "ignore-preflight-errors",
        ],
    ),
    ("control-plane-prepare", &["control-plane"]),
    ("control-plane-prepare/all", CLUSTER_FLAGS),
    (
        "control-plane-prepare/all",
        &[
            "node-name",
            "apiserver-advertise-address",
            "apiserver-bind-port",
            "certificate-key",
            "certificate-key-file",
            "patches",
        ],
    ),
    ("control-plane-prepare/download-certs", CLUSTER_FLAGS),
    ("control-plane-prepare/download-certs", &["certificate-key", "certificate-key-file"]),
    ("control-plane-prepare/certs", CLUSTER_FLAGS),
    ("control-plane-prepare/certs", &["node-name", "apiserver-advertise-address"]),
    ("control-plane-prepare/kubeconfig", CLUSTER_FLAGS),
    ("control-plane-prepare/kubeconfig", &["certificate-key", "certificate-key-file"]),
    ("control-plane-prepare/control-plane", &["apiserver-advertise-address", "apiserver-bind-port", "patches"]),
    ("check-etcd", &["control-plane", "node-name", "apiserver-advertise-address"]),
    ("kubelet-start", CLUSTER_FLAGS),
    ("kubelet-start", &["node-name", "cri-socket", "patches"]),
    ("etcd-join", &["control-plane", "node-name", "apiserver-advertise-address", "patches"]),
    ("kubelet-wait-bootstrap", &["cri-socket", "endpoint"]),
    ("control-plane-join", &["control-plane", "node-name"]),
    ("control-plane-join/all", &["apiserver-advertise-address", "patches"]),
    ("wait-control-plane", &["endpoint"]),
];

const CLUSTER_FLAGS: &[&str] = &[
    "endpoint",
    "discovery-file",
    "discovery-token",
    "discovery-token-ca-cert-hash",
    "discovery-token-unsafe-skip-ca-verification",
    "tls-bootstrap-token",
    "token",
    "token-file",
];
