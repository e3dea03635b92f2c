//! Wishes that are tried again: registries fail for a moment, and a pod that is stopping is busy.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::Instant;

use super::{RuntimeBackend, RuntimeError};

/// How long the tries may take in all. kubeadm waits for ever; a registry that drips would hold `init` up without a word.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// As kubeadm: `constants.PullImageRetry`, `constants.RemoveContainerRetry`.
const ATTEMPTS: usize = 5;
/// The first pause between two tries to remove a pod; kubeadm makes none, and asks a busy runtime five times in a millisecond.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest of those pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Pulls the image, up to five times, and half an hour in all.
///
/// # Errors
/// The last of the tries. A runtime that cannot be reached or does not know the call is asked once.
pub async fn pull_stubbornly(runtime: &dyn RuntimeBackend, socket: &str, image: &str) -> Result<(), RuntimeError> {
    pull_within(runtime, socket, image, LIMIT).await
}

/// Stops and removes a pod's sandbox: until `patience` is over, and at least five times; `busy` hears of each try that fails
/// before another one. containerd removes no container that it is starting, which it goes on with for seconds on a busy machine,
/// after the kubelet that asked for it has ended.
///
/// # Errors
/// The last of the tries.
pub(super) async fn remove_stubbornly(
    runtime: &dyn RuntimeBackend,
    socket: &str,
    id: &str,
    patience: Instant,
    busy: impl Fn(&RuntimeError),
) -> Result<(), RuntimeError> {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_factor(1.5)
        .without_max_times();
    for (attempt, pause) in (1..).zip(pauses.build()) {
        match runtime.remove_sandbox(socket, id).await {
            Err(error) if attempt < ATTEMPTS || Instant::now() < patience => {
                busy(&error);
                tokio::time::sleep(pause).await;
            }
            outcome => return outcome,
        }
    }
    Ok(())
}

async fn pull_within(
    runtime: &dyn RuntimeBackend,
    socket: &str,
    image: &str,
    limit: Duration,
) -> Result<(), RuntimeError> {
    let work = async {
        for attempt in 1.. {
            match runtime.pull(socket, image).await {
                Err(RuntimeError::Failed { message, .. }) if attempt < ATTEMPTS => {
                    tracing::info!("[images] try {attempt} to pull {image} failed: {message}");
                }
                outcome => return outcome,
            }
        }
        Ok(())
    };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let message = format!("the image was not there after {} s", limit.as_secs());
        Err(RuntimeError::Failed { socket: socket.to_owned(), call: "PullImage", message })
    })
}

#[cfg(test)]
mod tests;
