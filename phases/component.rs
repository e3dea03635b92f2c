//! The four static pods of a control plane, with the files that belong to each.

use kubewright_manifests::{ControlPlaneNode, EtcdStart, ManifestError, StaticPod};
use kubewright_pki::{CertificateKind, KubeconfigKind};
use serde::{Deserialize, Serialize};

use crate::etcd_pod::members_joined;
use crate::issuing::pair_paths;
use crate::prelude::*;

/// A component of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// etcd, where it is local.
    Etcd,
    /// kube-apiserver.
    KubeApiserver,
    /// kube-controller-manager.
    KubeControllerManager,
    /// kube-scheduler.
    KubeScheduler,
}

impl Component {
    /// All of them, in the order of an upgrade: each needs those before it.
    pub const ALL: [Self; 4] = [Self::Etcd, Self::KubeApiserver, Self::KubeControllerManager, Self::KubeScheduler];

    /// Those that a cluster has on its control planes.
    pub fn of(cluster: &ClusterConfiguration) -> impl Iterator<Item = Self> {
        let local = cluster.etcd.local().is_some();
        Self::ALL.into_iter().filter(move |component| local || *component != Self::Etcd)
    }

    /// The name of the pod, the container and the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
        }
    }

    /// The file of its static pod.
    pub fn manifest(self) -> Utf8PathBuf {
        paths::static_pod(self.name())
    }

    /// Makes its static pod, in place of the one that this manifest is of.
    ///
    /// # Errors
    /// A template is broken, or etcd is external.
    pub fn render(self, node: &ControlPlaneNode<'_>, before: Option<&Contents>) -> Result<StaticPod, ManifestError> {
        match self {
            Self::Etcd => etcd_again(node, before),
            Self::KubeApiserver => kubewright_manifests::kube_apiserver(node),
            Self::KubeControllerManager => kubewright_manifests::kube_controller_manager(node),
            Self::KubeScheduler => kubewright_manifests::kube_scheduler(node),
        }
    }

    /// Its certificates. kubeadm: `app/phases/certs/renewal/manager.go` and `renewCertsByComponent`.
    pub fn certificates(self, cluster: &ClusterConfiguration) -> Vec<CertificateKind> {
        use CertificateKind as Kind;
        match self {
            Self::Etcd => vec![Kind::EtcdServer, Kind::EtcdPeer, Kind::EtcdHealthcheckClient],
            Self::KubeApiserver => {
                let mut kinds = vec![Kind::Apiserver, Kind::ApiserverKubeletClient, Kind::FrontProxyClient];
                kinds.extend(cluster.etcd.local().map(|_| Kind::ApiserverEtcdClient));
                kinds
            }
            Self::KubeControllerManager | Self::KubeScheduler => Vec::new(),
        }
    }

    /// The kubeconfig that it calls the API server with.
    pub fn kubeconfig(self) -> Option<KubeconfigKind> {
        match self {
            Self::KubeControllerManager => Some(KubeconfigKind::ControllerManager),
            Self::KubeScheduler => Some(KubeconfigKind::Scheduler),
            Self::Etcd | Self::KubeApiserver => None,
        }
    }

    /// All that it reads and an upgrade may replace, with the modes of new files: its manifest comes last, since the
    /// kubelet starts it anew when that appears.
    pub fn files(self, cluster: &ClusterConfiguration) -> Vec<(Utf8PathBuf, Mode)> {
        let mut files = Vec::new();
        for kind in self.certificates(cluster) {
            let (certificate, key) = pair_paths(cluster, kind.profile().base_name);
            files.extend([(key, paths::SECRET_FILE), (certificate, paths::PUBLIC_FILE)]);
        }
        files.extend(self.kubeconfig().map(|kind| (kubeconfig_path(kind), paths::SECRET_FILE)));
        files.push((self.manifest(), paths::SECRET_FILE));
        files
    }
}

impl std::fmt::Display for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes etcd's static pod in place of an older one, and lets it stand there how the member was once started. etcd passes over
/// that for as long as it has data, and would be restarted for nothing; without its data, a member that is told to begin a
/// cluster does so, beside the one that it was of.
///
/// # Errors
/// A template is broken, or etcd is external.
pub fn etcd_again(node: &ControlPlaneNode<'_>, before: Option<&Contents>) -> Result<StaticPod, ManifestError> {
    let members = before.map(members_joined).unwrap_or_default();
    kubewright_manifests::etcd(
        node,
        if members.is_empty() { EtcdStart::NewCluster } else { EtcdStart::Joining(&members) },
    )
}

/// Where a kubeconfig of the control plane is; the pods mount it from there.
pub fn kubeconfig_path(kind: KubeconfigKind) -> Utf8PathBuf {
    Utf8Path::new(paths::KUBERNETES_DIR).join(kind.file_name())
}
