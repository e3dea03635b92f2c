//! One phase's work within a run: its session, its task, and how it ends. It decides nothing about other phases.

use std::any::Any;
use std::future::{Future, pending};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::effect_log::EffectLog;
use crate::event::{Events, Outcome};
use crate::failure::{Failure, FailureKind};
use crate::faults::Faults;
use crate::journal::{Journal, Record};
use crate::phase::{AnyPhase, Needs};
use crate::report::Report;
use crate::run_options::RunOptions;
use crate::store::{ArtifactId, Made, Seeds, Store};
use crate::world::{Session, World};

/// How one phase ended.
pub(crate) enum Ended {
    Ran { made: Made, outcome: Outcome },
    Loaded(Option<Made>),
    Failed(Failure),
}

/// What every phase of a run works with.
pub(crate) struct Attempts<W: World> {
    shared: Arc<Shared<W>>,
}

struct Shared<W: World> {
    world: Arc<W>,
    journal: Arc<Journal>,
    events: Events,
    seeds: Seeds,
    store: RwLock<Store>,
    faults: Faults,
    cancel: watch::Receiver<bool>,
}

impl<W: World> Attempts<W> {
    pub(crate) fn new(
        world: Arc<W>,
        journal: Arc<Journal>,
        events: Events,
        seeds: &Seeds,
        options: &RunOptions,
    ) -> Self {
        let store = RwLock::new(Store::new(seeds));
        let (faults, cancel) = (options.faults.clone(), options.cancel.clone());
        let seeds = seeds.clone();
        Self { shared: Arc::new(Shared { world, journal, events, seeds, store, faults, cancel }) }
    }

    /// Puts a value where later phases find it.
    pub(crate) fn put(&self, id: ArtifactId, made: Made) {
        self.shared.store.write().unwrap_or_else(PoisonError::into_inner).put(id, made);
    }

    /// Reads a phase's value from the node.
    pub(crate) fn load(&self, phase: &'static dyn AnyPhase<W>) -> impl Future<Output = Ended> + Send + 'static {
        let shared = self.shared.clone();
        async move {
            let own = shared.clone();
            let load = async move { phase.find(own.world.view(), &own.seeds).await };
            match guarded(load, Some(shared.cancel.clone())).await {
                Ok(made) => Ended::Loaded(made),
                Err(failure) => Ended::Failed(failure),
            }
        }
    }

    /// Runs a phase and makes its changes final.
    pub(crate) fn run(
        &self,
        path: &'static str,
        phase: &'static dyn AnyPhase<W>,
        needs: &Needs,
    ) -> impl Future<Output = Ended> + Send + 'static {
        let shared = self.shared.clone();
        let reads = needs.reads.clone();
        async move {
            let mut ended = shared.attempt(path, phase, &reads).await;
            if shared.faults.repeats(path) && matches!(ended, Ok((_, _))) {
                let again = shared.attempt(path, phase, &reads).await;
                ended = match again {
                    Ok((_, changes)) if changes > 0 => {
                        Err(Failure::new(format!("`{path}` changed {changes} things when it ran a second time")))
                    }
                    Ok((made, _)) => ended.map(|(_, changes)| (made, changes)),
                    failed => failed,
                };
            }
            match ended {
                Ok((made, changes)) => Ended::Ran { made, outcome: outcome(changes) },
                Err(failure) => Ended::Failed(failure),
            }
        }
    }
}

fn outcome(changes: usize) -> Outcome {
    if changes == 0 { Outcome::Unchanged } else { Outcome::Changed }
}

impl<W: World> Shared<W> {
    /// Runs a phase once, from `Started` to `Finished` or `RolledBack`; gives what it made and how much it changed.
    async fn attempt(
        self: &Arc<Self>,
        path: &'static str,
        phase: &'static dyn AnyPhase<W>,
        reads: &[ArtifactId],
    ) -> Result<(Made, usize), Failure> {
        if let Some(absent) = reads.iter().find(|id| !self.store().has(**id)) {
            return Err(Failure::new(format!("`{path}` reads `{}`, which nobody made in this run", absent.name)));
        }
        self.journal.append(&Record::Started { phase: path.into() })?;
        self.faults.checkpoint(&format!("{path}:started"));
        let log = EffectLog::new(path, self.journal.clone(), self.events.clone()).with_faults(self.faults.clone());
        let session = Arc::new(self.world.begin(log.clone()));
        let worked = self.work(path, phase, &log, &session).await;
        let failure = match worked {
            Ok(made) => return Ok((made, log.changes())),
            Err(failure) => failure,
        };
        // Recorded first: recovery must know which way the files were going.
        let halfway = session.halfway();
        let recorded = self.journal.append(&Record::Failed { phase: path.into(), error: failure.chain(), halfway });
        let back = guarded(async move { session.roll_back().await }, None).await;
        let recorded = match &back {
            Ok(()) if !halfway => {
                recorded.and_then(|()| self.journal.append(&Record::RolledBack { phase: path.into() }))
            }
            _ => recorded,
        };
        let mut failure = failure.with_standing(log.standing());
        if halfway {
            failure = failure.hint(format!(
                "some files of `{path}` are in their places and the rest are ready beside them; the next run puts them there"
            ));
        }
        if let Err(error) = back {
            failure = failure
                .hint(format!("what `{path}` changed could not be taken back ({error}); the next run tries again"));
        }
        if let Err(error) = recorded {
            failure = failure.hint(format!("this could not be recorded: {}", Failure::from(error)));
        }
        Err(failure)
    }

    async fn work(
        self: &Arc<Self>,
        path: &'static str,
        phase: &'static dyn AnyPhase<W>,
        log: &EffectLog,
        session: &Arc<W::Session>,
    ) -> Result<Made, Failure> {
        self.faults.fail_before(path)?;
        let (shared, own, report) = (self.clone(), session.clone(), Report::new(path, self.events.clone()));
        let work = async move {
            // Taking the input may panic as well as the phase itself, so both stand in the guarded task.
            let work = phase.start(&shared.store(), &own, report);
            work.await
        };
        let made = guarded(work, Some(self.cancel.clone())).await?;
        self.faults.checkpoint(&format!("{path}:ran"));
        self.faults.fail_after(path)?;
        // Not interrupted by a stop: half of a commit helps nobody.
        let own = session.clone();
        guarded(async move { own.commit().await }, None).await?;
        self.faults.checkpoint(&format!("{path}:committed"));
        self.journal.append(&Record::Finished { phase: path.into(), outcome: outcome(log.changes()) })?;
        self.faults.checkpoint(&format!("{path}:finished"));
        Ok(made)
    }

    fn store(&self) -> std::sync::RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The failure of what the user stopped.
pub(crate) fn stopped() -> Failure {
    Failure::new("stopped before the end").kind(FailureKind::Cancelled)
}

/// Runs work in a task of its own, so that a panic is a failure like any other. A stop ends the task, and is told only
/// when the task is gone, so that what it did can be taken back.
async fn guarded<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    cancel: Option<watch::Receiver<bool>>,
) -> Result<T, Failure> {
    let mut task = JoinSet::new();
    task.spawn(work);
    let ended = tokio::select! {
        // A stop that has come counts, also when the work has just ended: what is said does not hang on chance.
        biased;
        () = told_to_stop(cancel) => {
            task.shutdown().await;
            return Err(stopped());
        }
        ended = task.join_next() => ended,
    };
    match ended {
        Some(Ok(ended)) => ended,
        Some(Err(error)) => Err(match error.try_into_panic() {
            Ok(panic) => Failure::new(format!("panicked: {}", words(&*panic))).hint("this is a bug; please report it"),
            Err(error) => Failure::from(error),
        }),
        None => Err(Failure::new("the task is gone")),
    }
}

/// Waits until the user stops the run. When nobody is left who could, it waits for ever.
async fn told_to_stop(cancel: Option<watch::Receiver<bool>>) {
    if let Some(mut cancel) = cancel {
        // The value is dropped at once: its guard is not `Send`.
        let stop = cancel.wait_for(|stop| *stop).await.is_ok();
        if stop {
            return;
        }
    }
    pending::<()>().await;
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
