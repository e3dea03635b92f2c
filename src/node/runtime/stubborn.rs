//! Wishes that are tried again: registries fail for a moment, and a pod that is stopping is busy.

use std::time::Duration;

use super::{RuntimeBackend, RuntimeError};

/// How long the tries may take in all. kubeadm waits for ever; a registry that drips would hold `init` up without a word.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// As kubeadm: `constants.PullImageRetry`, `constants.RemoveContainerRetry`.
const ATTEMPTS: usize = 5;
/// Between two tries to remove a pod; kubeadm makes none, and asks a busy runtime five times in a millisecond.
const PAUSE: Duration = Duration::from_millis(200);

/// Pulls the image, up to five times, and half an hour in all.
///
/// # Errors
/// The last of the tries. A runtime that cannot be reached or does not know the call is asked once.
pub async fn pull_stubbornly(runtime: &dyn RuntimeBackend, socket: &str, image: &str) -> Result<(), RuntimeError> {
    pull_within(runtime, socket, image, LIMIT).await
}

/// Stops and removes a pod's sandbox, up to five times.
///
/// # Errors
/// The last of the tries.
pub async fn remove_stubbornly(runtime: &dyn RuntimeBackend, socket: &str, id: &str) -> Result<(), RuntimeError> {
    for attempt in 1.. {
        match runtime.remove_sandbox(socket, id).await {
            Err(error) if attempt < ATTEMPTS => {
                tracing::info!("[reset] try {attempt} to remove the pod {id} failed: {error}");
                tokio::time::sleep(PAUSE).await;
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
