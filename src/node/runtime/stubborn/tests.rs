//! A pull that fails is tried again, and ends; so is the removal of a pod.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::{ContainerInfo, OneShot, RuntimeStatus, Sandbox};

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

    async fn sandboxes(&self, _: &str) -> Result<Vec<Sandbox>, RuntimeError> {
        unreachable!("pulling asks nothing else")
    }

    async fn remove_sandbox(&self, socket: &str, id: &str) -> Result<(), RuntimeError> {
        self.pull(socket, id).await
    }

    async fn stop_container(&self, _: &str, _: &str, _: Duration) -> Result<(), RuntimeError> {
        unreachable!("pulling asks nothing else")
    }

    async fn run_once(&self, _: &str, _: &OneShot) -> Result<i32, RuntimeError> {
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

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_busy_is_removed_when_it_is_not_any_more() {
    let start = Instant::now();
    let patience = start + Duration::from_secs(10);
    let runtime = Flaky { reachable: false, ..Flaky::new(12) };
    let told = AtomicUsize::new(0);
    let busy = |_: &RuntimeError| {
        told.fetch_add(1, Ordering::Relaxed);
    };
    remove_stubbornly(&runtime, "s", "i", patience, busy).await.unwrap();
    assert_eq!((runtime.asked(), told.into_inner()), (13, 12));
    assert!(start.elapsed() > Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_stays_busy_is_given_up() {
    let start = Instant::now();
    let runtime = Flaky::new(99);
    remove_stubbornly(&runtime, "s", "i", start + Duration::from_secs(10), |_| {}).await.unwrap_err();
    let took = start.elapsed();
    assert!((10..12).contains(&took.as_secs()), "{took:?}");
    let runtime = Flaky::new(99);
    remove_stubbornly(&runtime, "s", "i", start, |_| {}).await.unwrap_err();
    assert_eq!(runtime.asked(), 5, "as often as kubeadm when another pod has used up the patience");
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
