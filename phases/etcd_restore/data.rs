//! Stops the control plane and exchanges etcd's data.

use kubewright_node::Snapshots;

use crate::etcd_pod::EtcdPod;
use crate::prelude::*;
use crate::restoring::{Restore, RestoreOptions, Restoring, steps};

/// The phase `data`.
pub struct Data;

impl Phase<Node> for Data {
    const ABOUT: &'static str = "Stop the control plane, make new data from the snapshot, and put it in place";
    const RANK: u16 = 200;

    type Input = (Read<RestoreOptions>, Read<Restore>, Use<Files>, Use<Services>, Use<Runtime>, Use<Snapshots>);
    type Output = ();

    async fn run(
        &self,
        (options, restore, files, services, runtime, snapshots): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let hands = Restoring {
            files: &files,
            services: &services,
            runtime: &runtime,
            socket: &options.socket,
            snapshots: &snapshots,
            report,
        };
        let (pod, back) = (EtcdPod::on(&files)?, restore.back());
        let exchanged = async {
            steps::stop(&hands).await?;
            steps::put_back(&pod, &restore.snapshot, &back, &hands).await
        };
        match exchanged.await {
            Ok(()) => Ok(()),
            Err(failure) => Err(steps::give_up(failure, &back, &hands).await),
        }
    }
}
