//! Looks at everything that can be looked at before the control plane is stopped, and tells what will be done.

use kubewright_node::{Etcd, Snapshots};

use crate::etcd_pod::EtcdPod;
use crate::preflight::is_privileged_user;
use crate::prelude::*;
use crate::restoring::{Restore, RestoreOptions, alone, steps};

/// The phase `preflight`.
pub struct Preflight;

impl Phase<Node> for Preflight {
    const ABOUT: &'static str = "Check the snapshot, the room for it, and that this etcd is the only member";
    const RANK: u16 = 100;

    type Input =
        (Read<RestoreOptions>, Use<Files>, Use<Kube>, Use<Etcd>, Use<Snapshots>, Use<Runtime>, Use<Probe>, Use<Clock>);
    type Output = Restore;

    async fn run(
        &self,
        (options, files, kube, etcd, snapshots, runtime, probe, clock): Self::Input,
        report: &Report,
    ) -> Result<Restore, Failure> {
        if !is_privileged_user::look(&probe).is_empty() {
            return Err(Failure::new("user is not running as root")
                .kind(FailureKind::Preflight)
                .hint("run the same command with sudo"));
        }
        let pod = EtcdPod::on(&files)?;
        if let Some(directory) = &pod.wal_dir {
            let manifest = paths::static_pod("etcd");
            return Err(Failure::new(format!("`{manifest}` keeps etcd's log elsewhere, in `{directory}`"))
                .kind(FailureKind::Validation)
                .hint("only data that is in one directory can be put back by this command; etcdutl takes --wal-dir"));
        }
        let digest = snapshots.check(&options.snapshot).await.hint(
            "name a whole snapshot with --snapshot; those that upgrades took are in /var/lib/kubewright/snapshots",
        )?;
        alone::must_be_alone(&pod, &files, &kube, &etcd, report).await?;
        snapshots.must_have_room(&options.snapshot, &pod.data_dir)?;
        if !runtime.has_image(&options.socket, &pod.image).await? {
            runtime.pull(&options.socket, &pod.image).await?;
        }
        let restore = Restore::of(&options.snapshot, digest, &pod, &files, &clock)?;
        restore.save(&files)?;
        steps::tell_order(&restore.snapshot, &restore.back(), report);
        Ok(restore)
    }
}
