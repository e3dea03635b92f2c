//! What the phases of `upgrade apply` and `upgrade node` take; kubeadm: `cmd/phases/upgrade/**`. The version is an argument,
//! which counts as a flag here, as `target`.

use super::PhaseFlags;

/// Flags of `upgrade apply phase …`.
pub(super) const APPLY: PhaseFlags =
    PhaseFlags { flags: OF_APPLY, aliases: &[("upload-config", "uploadconfig")], without_all: &[] };

/// Flags of `upgrade node phase …`.
pub(super) const NODE: PhaseFlags = PhaseFlags { flags: OF_NODE, aliases: &[], without_all: &[] };

const OF_APPLY: &[(&str, &[&str])] = &[
    (
        "preflight",
        &[
            "target",
            "kubeconfig",
            "force",
            "ignore-preflight-errors",
            "allow-experimental-upgrades",
            "allow-release-candidate-upgrades",
            "yes",
        ],
    ),
    ("control-plane", &["target", "kubeconfig", "certificate-renewal", "etcd-upgrade", "patches", "restore-etcd"]),
    ("upload-config", &["target", "kubeconfig"]),
    ("kubeconfig", &["target", "kubeconfig"]),
    ("kubelet-config", &["target", "kubeconfig", "patches"]),
    ("bootstrap-token", &["target", "kubeconfig"]),
    ("addon", &["target", "kubeconfig"]),
    ("addon/all", &["patches"]),
    ("addon/coredns", &["patches"]),
    ("post-upgrade", &["target", "kubeconfig"]),
];

const OF_NODE: &[(&str, &[&str])] = &[
    ("preflight", &["ignore-preflight-errors"]),
    ("control-plane", &["kubeconfig", "certificate-renewal", "etcd-upgrade", "patches"]),
    ("kubeconfig", &["kubeconfig"]),
    ("kubelet-config", &["kubeconfig", "patches"]),
    ("addon", &["kubeconfig"]),
    ("addon/all", &["patches"]),
    ("addon/coredns", &["patches"]),
    ("post-upgrade", &["kubeconfig"]),
];
