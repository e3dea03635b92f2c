//! etcd would start with the data of another cluster.

use async_trait::async_trait;

use crate::checks::{Check, Finding, Subject, path_label};

/// The check `DirAvailable--var-lib-etcd`.
pub struct DirAvailable;

#[async_trait]
impl Check for DirAvailable {
    fn about(&self) -> &'static str {
        "Find etcd's data directory empty"
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
                "move the data of the earlier cluster away, or `reset` the machine",
            )],
            _ => Vec::new(),
        }
    }
}
