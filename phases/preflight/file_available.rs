//! Static pods of an earlier cluster would run beside ours.

use async_trait::async_trait;

use crate::checks::{Check, Finding, Subject, path_label};

/// The check `FileAvailable--etc-kubernetes-manifests-…`.
pub struct FileAvailable;

#[async_trait]
impl Check for FileAvailable {
    fn about(&self) -> &'static str {
        "Find no static pods of another control plane"
    }

    fn rank(&self) -> u16 {
        80
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let components = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];
        let present = |component: &str| {
            let path = crate::paths::static_pod(component);
            subject.probe.exists(&path).then(|| {
                Finding::error(
                    format!("FileAvailable-{}", path_label(&path)),
                    format!("{path} already exists"),
                    "this machine is, or was, a control plane: `reset` takes it back",
                )
            })
        };
        components.into_iter().filter_map(present).collect()
    }
}
