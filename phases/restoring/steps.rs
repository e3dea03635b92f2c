//! The steps, each of which looks before it changes anything: who dies in the middle goes on by running them again.

use std::time::Duration;

use kubewright_node::{PutBack, PutBackStage};

use super::{Restoring, TAG, tool};
use crate::etcd_pod::EtcdPod;
use crate::prelude::*;

/// kube-apiserver first: it does not end by itself once its etcd has. etcd last.
const ORDER: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];
/// How long a component may take to end before it is killed: what it still writes is taken back anyway.
const GRACE: Duration = Duration::from_secs(10);
const KUBELET: &str = "kubelet";

/// Tells what will be done, in order, before anything is.
pub fn tell_order(snapshot: &Utf8Path, back: &PutBack, report: &Report) {
    let (data_dir, directory) = (&back.data_dir, back.directory());
    report.note(
        TAG,
        format!(
            "In this order: the kubelet is stopped; {} are stopped; etcd's own tool makes new data from \"{snapshot}\" in \
             \"{directory}\"; \"{data_dir}/member\" is moved there, and the new one to its place; the kubelet starts all of \
             them again; then it waits until each serves",
            ORDER.join(", ")
        ),
    );
}

/// Stops the kubelet, which would start everything again, and then the control plane. All of it begins anew afterwards,
/// because whoever had read what is taken back must not go on with it.
///
/// # Errors
/// The init system or the runtime does not do it.
pub async fn stop(hands: &Restoring<'_>) -> Result<(), Failure> {
    hands.report.note(TAG, "Stopping the kubelet");
    hands.services.ensure_stopped(KUBELET).await.hint("stop the kubelet by hand, then run the same command again")?;
    let containers = hands.runtime.containers(hands.socket).await?;
    for name in ORDER {
        // There may be two, if a manifest was replaced just now: that of the old one may be about to end still.
        for container in containers.iter().filter(|container| container.name == name && container.state != "exited") {
            hands.report.note(TAG, format!("Stopping {name}"));
            hands.runtime.stop_container(hands.socket, container, GRACE).await?;
        }
    }
    Ok(())
}

/// Makes new data and puts it in place. Nothing may run that uses the old.
///
/// # Errors
/// The tool or the disk refuses.
pub async fn put_back(
    pod: &EtcdPod,
    snapshot: &Utf8Path,
    back: &PutBack,
    hands: &Restoring<'_>,
) -> Result<(), Failure> {
    let report = hands.report;
    if hands.snapshots.stage(back)? == PutBackStage::Begun {
        report.note(TAG, format!("Making new data from \"{snapshot}\" in \"{}\"", back.directory()));
        let raised = tool::make(pod, snapshot, back, hands).await?;
        hands.snapshots.made(back).await?;
        if !raised {
            report.note(
                TAG,
                "This etcd's tool cannot raise the revision, so programs on other nodes may take what is new for old: \
                 restart the kubelets of other nodes, and the pods there that watch the API",
            );
        }
    }
    match hands.snapshots.put_in_place(back).await? {
        Some(old) => report.note(TAG, format!("The new data is in place; the old is kept in \"{old}\"")),
        None => report.note(TAG, "The new data is in place; there was no old"),
    }
    Ok(())
}

/// Lets the kubelet start everything again.
///
/// # Errors
/// The init system does not do it.
pub async fn start(hands: &Restoring<'_>) -> Result<(), Failure> {
    hands.report.note(TAG, "Starting the kubelet");
    hands.services.restart(KUBELET).await
}

/// After a failure: lets everything run as before, if the old data is still in its place. Says how that ended.
pub async fn give_up(failure: Failure, back: &PutBack, hands: &Restoring<'_>) -> Failure {
    match hands.snapshots.stage(back) {
        Ok(PutBackStage::Begun) => match start(hands).await {
            Ok(()) => failure.context("etcd's data is as it was, and the kubelet starts everything again"),
            Err(stopped) => {
                failure.context(format!("etcd's data is as it was, but the kubelet does not start: {stopped}"))
            }
        },
        _ => failure
            .context("the kubelet stays stopped, because etcd's data is not in its place")
            .hint("mend the cause, then run the same command again: it goes on from here"),
    }
}
