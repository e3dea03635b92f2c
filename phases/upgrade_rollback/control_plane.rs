//! Puts back what the last upgrade of this node had kept: static pods, certificates, kubeconfigs, the kubelet's files, and
//! etcd's data if that is asked for. kubeadm has no such command.

use kubewright_config::UpgradeConfiguration;
use kubewright_node::Etcd;

use crate::etcd_pod::EtcdPod;
use crate::prelude::*;
use crate::restoring::alone;
use crate::upgrading::going_back::{Data, go_back};
use crate::upgrading::{Hands, Kept, Powers, Stage, UpgradeOptions, UpgradedCluster};

/// The phase `control-plane`.
pub struct ControlPlane;

impl Phase<Node> for ControlPlane {
    const ABOUT: &'static str = "Put back the static pods, certificates and files of this node";
    const RANK: u16 = 100;

    type Input = (Read<UpgradeConfiguration>, Read<UpgradeOptions>, Use<Etcd>, Powers);
    type Output = RolledBack;

    async fn run(
        &self,
        (settings, options, etcd, powers): Self::Input,
        report: &Report,
    ) -> Result<RolledBack, Failure> {
        let hands = Hands::of(&powers, report);
        let (files, kube) = (hands.files, hands.kube);
        let mut kept = Kept::newest(files)?.ok_or_else(|| {
            Failure::new("no upgrade of this node is kept, so there is nothing to go back to")
                .kind(FailureKind::Validation)
        })?;
        let found = found(&kept, &|path| files.read(path), &options, &settings)?;
        let data = if options.restore_etcd { Data::GoesBack } else { Data::Stays };
        if data == Data::GoesBack && kept.stage != Stage::GoingBack {
            alone::must_be_alone(&EtcdPod::on(files)?, files, kube, &etcd, report).await?;
        }
        if kept.stage == Stage::WentBack && data == Data::Stays {
            report.note("upgrade/rollback", format!("The upgrade {} was taken back already", kept.name));
        } else {
            go_back(&mut kept, &found, data, &hands).await.map_err(|failure| {
                let old = &found.old.version;
                failure
                    .context(format!("this node is not back at {old}"))
                    .kind(FailureKind::Stuck)
                    .hint("mend the cause, then run the same command again: it goes on from here")
            })?;
        }
        Ok(RolledBack { found, whole_cluster: kept.command == "upgrade apply" })
    }
}

/// The cluster as it was kept.
fn found(
    kept: &Kept,
    read: crate::running::ReadFile<'_>,
    options: &UpgradeOptions,
    settings: &UpgradeConfiguration,
) -> Result<UpgradedCluster, Failure> {
    let options = UpgradeOptions { target: None, ..options.clone() };
    UpgradedCluster::of(kept.before.clone(), read, &options, settings)
}

/// The cluster that a node went back to: the evidence that its control plane serves as before.
#[derive(Debug, Clone)]
pub struct RolledBack {
    /// As it was before.
    pub found: UpgradedCluster,
    /// Whether it was the upgrade of the whole cluster that was taken back.
    pub whole_cluster: bool,
}

impl Value for RolledBack {
    const NAME: &'static str = "rolled-back";
}

impl Artifact<Node> for RolledBack {
    async fn load(view: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
        let (Some(settings), Some(options)) = (seeds.get::<UpgradeConfiguration>(), seeds.get::<UpgradeOptions>())
        else {
            return Ok(None);
        };
        let Some(kept) = Kept::look(view)?.filter(|kept| kept.stage == Stage::WentBack) else { return Ok(None) };
        let found = found(&kept, &|path| view.read(path), options, settings)?;
        Ok(Some(Self { found, whole_cluster: kept.command == "upgrade apply" }))
    }
}
