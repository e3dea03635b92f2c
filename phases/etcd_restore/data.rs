//! Stops the control plane and exchanges etcd's data.

use crate::etcd_pod::EtcdPod;
use crate::prelude::*;
use crate::restoring::{Powers, Restore, RestoreOptions, Restoring, steps};

/// The phase `data`.
pub struct Data;

impl Phase<Node> for Data {
    const ABOUT: &'static str = "Stop the control plane, make new data from the snapshot, and put it in place";
    const RANK: u16 = 200;

    type Input = (Read<RestoreOptions>, Read<Restore>, Powers);
    type Output = ();

    async fn run(&self, (options, restore, powers): Self::Input, report: &Report) -> Result<(), Failure> {
        let hands = Restoring::of(&powers, &options.socket, report);
        let (pod, back) = (EtcdPod::on(hands.files)?, restore.back());
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
