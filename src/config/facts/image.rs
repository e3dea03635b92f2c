//! The images of a cluster, as the table names them.

use serde::Deserialize;

/// An image that a control-plane node needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Image {
    /// kube-apiserver.
    KubeApiserver,
    /// kube-controller-manager.
    KubeControllerManager,
    /// kube-scheduler.
    KubeScheduler,
    /// kube-proxy.
    KubeProxy,
    /// CoreDNS.
    Coredns,
    /// The sandbox image.
    Pause,
    /// etcd.
    Etcd,
}

impl Image {
    /// Returns the last part of the image's path.
    pub fn name(self) -> &'static str {
        match self {
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::KubeProxy => "kube-proxy",
            Self::Coredns => "coredns",
            Self::Pause => "pause",
            Self::Etcd => "etcd",
        }
    }
}
