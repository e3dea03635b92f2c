//! Static pods of an earlier cluster would run beside ours.

use async_trait::async_trait;
use camino::Utf8PathBuf;
use kubewright_config::VersionFacts;
use kubewright_config::facts::Severity;

use crate::checks::{Check, Finding, Name, Subject, path_label};

/// The check `FileAvailable--etc-kubernetes-manifests-…`.
pub struct FileAvailable;

#[async_trait]
impl Check for FileAvailable {
    fn about(&self) -> &'static str {
        "Find no static pods of another control plane"
    }

    fn why(&self) -> &'static str {
        "The kubelet starts every static pod that it finds; another cluster's control plane would run instead of this one's."
    }

    fn fix(&self) -> &'static str {
        "move the manifest out of /etc/kubernetes/manifests: the kubelet stops what it no longer finds there"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        components().iter().map(|path| (format!("FileAvailable-{}", path_label(path)), Severity::Error)).collect()
    }

    fn rank(&self) -> u16 {
        80
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let present = |path: Utf8PathBuf| {
            subject.probe.exists(&path).then(|| {
                Finding::error(
                    format!("FileAvailable-{}", path_label(&path)),
                    format!("{path} already exists"),
                    format!("this machine is, or was, a control plane; if it is to be none, move {path} away"),
                )
            })
        };
        components().into_iter().filter_map(present).collect()
    }
}

fn components() -> [Utf8PathBuf; 4] {
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"].map(crate::paths::static_pod)
}
