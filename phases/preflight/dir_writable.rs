//! Ours: on a read-only directory nothing must be begun.

use async_trait::async_trait;
use kubewright_config::VersionFacts;
use kubewright_config::facts::Severity;

use crate::checks::{Check, Finding, Name, Subject, path_label};

/// The check `DirWritable-PATH`.
pub struct DirWritable;

#[async_trait]
impl Check for DirWritable {
    fn about(&self) -> &'static str {
        "Find the directories that we write to writable"
    }

    fn why(&self) -> &'static str {
        "Nothing must be begun that cannot be finished."
    }

    fn fix(&self) -> &'static str {
        "mount the directory writable, or choose another one"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        let named = |path: &str| (format!("DirWritable-{}", path_label(path.into())), Severity::Error);
        ["/etc/kubernetes/pki", "/etc/kubernetes", "/etc/kubernetes/manifests", "/var/lib/kubelet", "/var/lib/etcd"]
            .map(named)
            .into()
    }

    fn ours(&self) -> bool {
        true
    }

    fn rank(&self) -> u16 {
        320
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let cluster = subject.cluster;
        let mut wanted = vec![
            cluster.certificates_dir.clone(),
            subject.options.kubeconfig_dir.clone(),
            crate::paths::MANIFESTS_DIR.into(),
            crate::paths::KUBELET_DIR.into(),
        ];
        wanted.extend(cluster.etcd.local().map(|etcd| etcd.data_dir.clone()));
        let refused = |path: camino::Utf8PathBuf| {
            let error = subject.probe.writable(&path).err()?;
            Some(Finding::error(
                format!("DirWritable-{}", path_label(&path)),
                format!("cannot write to the directory {path}: {error}"),
                "mount it writable, or choose another directory",
            ))
        };
        wanted.into_iter().filter_map(refused).collect()
    }
}
