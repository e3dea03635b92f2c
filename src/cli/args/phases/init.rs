//! What the phases of `init` take; kubeadm: `cmd/phases/init/*.go`.

use super::PhaseFlags;

/// Flags and names of `init phase …`.
pub(super) const INIT: PhaseFlags = PhaseFlags {
    flags: FLAGS,
    // kubeadm has the first two; the third is the phase's name in 1.20.
    aliases: &[
        ("upload-config", "uploadconfig"),
        ("bootstrap-token", "bootstraptoken"),
        ("kubelet-finalize/enable-client-cert-rotation", "experimental-cert-rotation"),
    ],
    // kubeadm's `etcd` has only the one phase.
    without_all: &["etcd"],
};

const FLAGS: &[(&str, &[&str])] = &[
    ("preflight", &["image-repository", "cri-socket", "ignore-preflight-errors"]),
    ("certs", &["cert-dir", "kubernetes-version"]),
    ("certs/apiserver", SERVING_FLAGS),
    ("certs/all", SERVING_FLAGS),
    (
        "kubeconfig",
        &[
            "apiserver-advertise-address",
            "control-plane-endpoint",
            "apiserver-bind-port",
            "cert-dir",
            "kubeconfig-dir",
            "kubernetes-version",
        ],
    ),
    ("kubeconfig/kubelet", &["node-name"]),
    ("kubeconfig/all", &["node-name"]),
    ("etcd", &["cert-dir", "image-repository", "patches"]),
    ("control-plane", &["cert-dir", "kubernetes-version", "image-repository", "patches"]),
    ("control-plane/apiserver", APISERVER_FLAGS),
    ("control-plane/controller-manager", &["controller-manager-extra-args", "pod-network-cidr"]),
    ("control-plane/scheduler", &["scheduler-extra-args"]),
    ("control-plane/all", APISERVER_FLAGS),
    ("control-plane/all", &["controller-manager-extra-args", "pod-network-cidr", "scheduler-extra-args"]),
    ("kubelet-start", &["image-repository", "cri-socket", "node-name", "patches"]),
    ("upload-config", &["cri-socket", "kubeconfig"]),
    (
        "upload-certs",
        &["kubeconfig", "upload-certs", "certificate-key", "certificate-key-file", "skip-certificate-key-print"],
    ),
    ("mark-control-plane", &["node-name"]),
    ("bootstrap-token", &["kubeconfig", "skip-token-print"]),
    ("kubelet-finalize", &["cert-dir"]),
    ("addon", &["kubeconfig", "kubernetes-version", "image-repository"]),
    ("addon/kube-proxy", PROXY_FLAGS),
    ("addon/kube-proxy", &["print-manifest"]),
    ("addon/coredns", DNS_FLAGS),
    ("addon/coredns", &["print-manifest"]),
    ("addon/all", PROXY_FLAGS),
    ("addon/all", DNS_FLAGS),
];

const SERVING_FLAGS: &[&str] = &[
    "apiserver-advertise-address",
    "control-plane-endpoint",
    "apiserver-cert-extra-sans",
    "service-dns-domain",
    "service-cidr",
];
const APISERVER_FLAGS: &[&str] = &[
    "apiserver-advertise-address",
    "control-plane-endpoint",
    "apiserver-bind-port",
    "apiserver-extra-args",
    "feature-gates",
    "service-cidr",
];
const PROXY_FLAGS: &[&str] =
    &["apiserver-advertise-address", "control-plane-endpoint", "apiserver-bind-port", "pod-network-cidr"];
const DNS_FLAGS: &[&str] = &["feature-gates", "service-dns-domain", "service-cidr"];
