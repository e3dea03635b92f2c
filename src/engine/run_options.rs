//! How a plan is carried out: as users and tests want it.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use tokio::sync::watch;

use crate::faults::Faults;

/// How a plan is carried out.
pub struct RunOptions {
    /// How many phases may run at a time.
    pub jobs: NonZeroUsize,
    /// Turns true when the user stops the run: nothing more is started, and what runs is taken back.
    pub cancel: watch::Receiver<bool>,
    /// Faults that tests ask for.
    pub faults: Faults,
    /// Whether the world changes nothing; only told on to those who watch.
    pub dry_run: bool,
}

impl RunOptions {
    /// As many jobs as cores, no faults, a live run.
    pub fn new(cancel: watch::Receiver<bool>) -> Self {
        let jobs = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { jobs, cancel, faults: Faults::none(), dry_run: false }
    }
}

impl Default for RunOptions {
    /// A run that nobody stops.
    fn default() -> Self {
        Self::new(watch::channel(false).1)
    }
}
