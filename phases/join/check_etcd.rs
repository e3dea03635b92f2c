//! Looks whether the cluster's etcd is well, before the node starts to depend on it.

use kubewright_node::Etcd;

use crate::joining::{self, FoundCluster, admin};
use crate::{etcd_access, prelude::*};

/// The phase `check-etcd`.
pub struct CheckEtcd;

impl Phase<Node> for CheckEtcd {
    const ABOUT: &'static str = "Check that the cluster's etcd is well";
    const RANK: u16 = 300;
    // It asks with the credentials that are made there.
    const AFTER: &'static [&'static str] = &["control-plane-prepare"];

    type Input = (Read<FoundCluster>, Use<Files>, Use<Kube>, Use<Etcd>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        joining::control_plane(seeds)
    }

    async fn run(&self, (found, files, kube, etcd): Self::Input, report: &Report) -> Result<(), Failure> {
        if found.cluster.etcd.local().is_none() {
            report.note("check-etcd", "Skipping etcd check in external mode");
            return Ok(());
        }
        report.note("check-etcd", "Checking that the etcd cluster is healthy");
        let admin = admin(&files, &found)?;
        let access = etcd_access::find(&found, &admin, &files, &kube, &etcd, report).await?;
        etcd.wait_until_well(&access, access.call_limit, report).await.map(drop)
    }
}
