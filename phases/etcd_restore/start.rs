//! Starts the control plane again, and waits until it serves.

use kubewright_node::StaticPods;

use crate::prelude::*;
use crate::restoring::{Powers, Restore, RestoreOptions, Restoring, serving, steps};

/// The phase `start`.
pub struct Start;

impl Phase<Node> for Start {
    const ABOUT: &'static str = "Start the control plane and wait until it serves";
    const RANK: u16 = 300;
    // With the old data it must not start; that the new is in place no value says.
    const AFTER: &'static [&'static str] = &["data"];

    type Input = (Read<RestoreOptions>, Read<Restore>, Powers, Use<Probe>, Use<StaticPods>);
    type Output = ();

    async fn run(&self, (options, restore, powers, probe, pods): Self::Input, report: &Report) -> Result<(), Failure> {
        let hands = Restoring::of(&powers, &options.socket, report);
        steps::start(&hands).await?;
        serving::wait(&probe, pods.steady(), &hands).await.hint("the same command goes on from here")?;
        Restore { served: true, ..(*restore).clone() }.save(hands.files)
    }
}
