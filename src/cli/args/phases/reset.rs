//! What the phases of `reset` take; kubeadm: `cmd/phases/reset/*.go`.

use super::PhaseFlags;

/// Flags and names of `reset phase …`.
pub(super) const RESET: PhaseFlags = PhaseFlags {
    flags: &[
        ("preflight", &["force", "ignore-preflight-errors"]),
        ("update-cluster-status", &["kubeconfig"]),
        ("remove-etcd-member", &["kubeconfig"]),
        ("cleanup-node", &["cert-dir", "cleanup-tmp-dir", "cri-socket", "network"]),
    ],
    aliases: &[("preflight", "pre-flight"), ("cleanup-node", "cleanupnode")],
    without_all: &[],
};
