//! Pulls that are tried again: registries fail for a moment.

use std::time::Duration;

use kubewright_node::{PULL_LIMIT, RuntimeBackend, RuntimeError};

/// As kubeadm: `constants.PullImageRetry`.
const ATTEMPTS: usize = 5;

/// Pulls the image, up to five times, and half an hour in all.
///
/// # Errors
/// The last of the tries. A runtime that cannot be reached or does not know the call is asked once.
pub async fn pull_stubbornly(runtime: &dyn RuntimeBackend, socket: &str, image: &str) -> Result<(), RuntimeError> {
    pull_within(runtime, socket, image, PULL_LIMIT).await
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
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use kubewright_node::{ContainerInfo, RuntimeStatus};

    use super::*;

    /// Fails so often, in one way.
    struct Flaky {
        failures: usize,
        asked: AtomicUsize,
        reachable: bool,
        hangs: bool,
    }

    impl Flaky {
        fn new(failures: usize) -> Self {
            Self { failures, asked: AtomicUsize::new(0), reachable: true, hangs: false }
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    #[async_trait]
    impl RuntimeBackend for Flaky {
        async fn status(&self, _: &str) -> Result<RuntimeStatus, RuntimeError> {
            unreachable!("pulling asks nothing else")
        }

        async fn cgroup_driver(&self, _: &str) -> Result<String, RuntimeError> {
            unreachable!("pulling asks nothing else")
        }

        async fn has_image(&self, _: &str, _: &str) -> Result<bool, RuntimeError> {
            unreachable!("pulling asks nothing else")
        }

        async fn pull(&self, socket: &str, _: &str) -> Result<(), RuntimeError> {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            let (socket, message) = (socket.to_owned(), "no".to_owned());
            match (self.asked.fetch_add(1, Ordering::Relaxed) < self.failures, self.reachable) {
                (false, _) => Ok(()),
                (true, true) => Err(RuntimeError::Failed { socket, call: "PullImage", message }),
                (true, false) => Err(RuntimeError::Unreachable { socket, message }),
            }
        }

        async fn containers(&self, _: &str) -> Result<Vec<ContainerInfo>, RuntimeError> {
            unreachable!("pulling asks nothing else")
        }
    }

    #[tokio::test]
    async fn tries_five_times() {
        let runtime = Flaky::new(4);
        pull_stubbornly(&runtime, "s", "i").await.unwrap();
        assert_eq!(runtime.asked(), 5);
        let runtime = Flaky::new(5);
        pull_stubbornly(&runtime, "s", "i").await.unwrap_err();
        assert_eq!(runtime.asked(), 5);
    }

    #[tokio::test]
    async fn a_runtime_that_is_not_there_is_asked_once() {
        let runtime = Flaky { reachable: false, ..Flaky::new(9) };
        let error = pull_stubbornly(&runtime, "s", "i").await.unwrap_err();
        assert!(matches!(error, RuntimeError::Unreachable { .. }), "{error}");
        assert_eq!(runtime.asked(), 1);
    }

    #[tokio::test]
    async fn a_pull_that_hangs_has_an_end() {
        let runtime = Flaky { hangs: true, ..Flaky::new(0) };
        let error = pull_within(&runtime, "s", "i", Duration::from_millis(20)).await.unwrap_err();
        assert!(error.to_string().contains("was not there after"), "{error}");
    }
}
