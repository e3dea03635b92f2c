//! etcd would start with the data of another cluster.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject, errors, path_label};

/// The check `DirAvailable--var-lib-etcd`.
pub struct DirAvailable;

#[async_trait]
impl Check for DirAvailable {
    fn about(&self) -> &'static str {
        "Find etcd's data directory empty"
    }

    fn why(&self) -> &'static str {
        "etcd would start with the members and the objects of another cluster."
    }

    fn fix(&self) -> &'static str {
        "move the data of the earlier cluster away"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["DirAvailable--var-lib-etcd"])
    }

    fn rank(&self) -> u16 {
        300
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let Some(etcd) = subject.cluster.etcd.local() else { return Vec::new() };
        match subject.probe.list(&etcd.data_dir) {
            Some(names) if !names.is_empty() => vec![Finding::error(
                format!("DirAvailable-{}", path_label(&etcd.data_dir)),
                format!("{} is not empty", etcd.data_dir),
                format!("move the data of the earlier cluster away: `mv {0} {0}.old`", etcd.data_dir),
            )],
            _ => Vec::new(),
        }
    }
}
