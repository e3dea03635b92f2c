//! Runs a graph of phases: plans it, runs independent phases in parallel, journals it, and goes on where a killed run
//! stopped. It knows nothing of what the phases do, and touches nothing but its own journal.
//!
//! # How a run goes
//!
//! 1. A phase is a type ([`Phase`]). What it reads ([`Read`], [`Maybe`]), what it makes (its `Output`) and what it may touch
//!    ([`Use`]) stand in its signature; [`Workflow::new`] derives the graph from that and refuses cycles and second makers.
//! 2. [`replay()`] reads what earlier runs left. Whatever the command, the newest run's files are recovered first; then
//!    [`resumable`] says whether this run goes on with one that stopped.
//! 3. [`Workflow::plan`] decides for each phase whether it runs, whether its value is loaded, or whether it is left. It is
//!    a pure function, so it can be shown before anything happens.
//! 4. [`Journal::begin`] makes the run durable, and [`Runner::run`] carries out the plan in a [`World`], one [`Session`] for
//!    each phase. Everything that happens is told as [`Event`]s, in the order in which it happens.
//!
//! # What it promises
//!
//! - **Order.** A phase starts after all that it reads, or comes `AFTER`, is through. Among phases that are ready together,
//!   the lower rank starts first. The order does not depend on how phases were registered.
//! - **All or nothing.** A phase's changes become final as a whole, by its session's `commit`, and are taken back as a whole
//!   when it fails, panics or is stopped. Finished phases are kept. After a failure nothing more is started, and what
//!   is running comes to its end.
//! - **Loads first.** A value that must be loaded is loaded in its place in the order, but before anything that could run
//!   already: what cannot be loaded is told before more is changed.
//! - **Never twice.** A resumed run repeats no finished phase, unless a value that is still needed has vanished; then its
//!   maker runs again, with all that it reads.
//! - **Observed, not claimed.** Whether a phase changed anything is counted from its session's effects.
//! - **A journal to trust.** What recovery cannot do without is on the disk before the step that needs it is taken: the
//!   head, promised files, intended outward effects. A record that cannot be written fails the phase. A torn last line
//!   is dropped; any other damage is an error, never a guess.
//!
//! # What it does not promise
//!
//! - Several files do not change in one instant; see the file session of the layer below.
//! - An outward effect may have happened although the journal does not know how it ended. It is repeated, so it must be
//!   one that can be.
//! - A forgotten `AFTER` cannot be seen by anybody. Prefer a value that proves what you wait for.
//! - One run at a time is the caller's lock, not the engine's.

mod attempt;
pub mod effect;
pub mod effect_log;
pub mod event;
pub mod failure;
pub mod faults;
pub mod graph;
pub mod inputs;
pub mod journal;
pub mod phase;
pub mod plan;
pub mod record;
pub mod replay;
pub mod report;
pub mod run_options;
pub mod runner;
pub mod selection;
pub mod stamp;
pub mod store;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod toy;
pub mod world;

pub use effect::{Digest, Effect, FileChange, Standing};
pub use effect_log::EffectLog;
pub use event::{Event, EventKind, Events, Outcome, PhaseInfo, Renderer, RunOutcome};
pub use failure::{Failure, FailureContext, FailureKind};
pub use faults::{Fault, Faults};
pub use graph::{Cycle, GraphError, PhaseRef, Tree, Workflow, covers};
pub use inputs::{InputValue, Inputs};
pub use journal::{Journal, JournalError, KEPT_RUNS};
pub use phase::{AnyPhase, Applies, Artifact, Capability, Doing, Entry, Input, Maybe, Needs, Phase, Read, Use, Value};
pub use plan::{Done, Plan, PlanError, Step, Why};
pub use record::{FORMAT, Head, IllegalRecord, IntentId, Promise, Record, Status, next_status};
pub use replay::{History, Replay, Resume, Roll, Survey, Unfinished, at_work, forget, replay, resumable, survey};
pub use report::{Report, Waiting};
pub use run_options::RunOptions;
pub use runner::{RunFailed, Runner, Summary};
pub use selection::Selection;
pub use stamp::stamp;
pub use store::{ArtifactId, Seeds, Store};
pub use world::{Session, World};

/// The command's name, for hints that the user can run.
pub const PROGRAM: &str = "kubewright";
