//! Runs a graph of phases: plans it, runs independent phases in parallel, journals it, and goes on where a killed run
//! stopped. It knows nothing of what the phases do.

mod attempt;
pub mod effect;
pub mod event;
pub mod failure;
pub mod faults;
pub mod graph;
pub mod journal;
pub mod phase;
pub mod plan;
pub mod replay;
pub mod report;
pub mod runner;
pub mod store;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod toy;
pub mod world;

pub use effect::{Digest, Effect, EffectLog, FileChange};
pub use event::{Event, EventKind, Events, Outcome, PhaseInfo, Renderer, RunOutcome};
pub use failure::{Failure, FailureContext, FailureKind};
pub use faults::{Fault, Faults};
pub use graph::{Cycle, GraphError, PhaseRef, Tree, Workflow, covers};
pub use journal::{
    FORMAT, Head, IllegalRecord, IntentId, Journal, JournalError, KEPT_RUNS, Record, Status, next_status,
};
pub use phase::{
    AnyPhase, Applies, Artifact, ArtifactId, Capability, Doing, Entry, Input, Maybe, Needs, Phase, Read, Use, Value,
};
pub use plan::{Done, Plan, PlanError, Selection, Step, Why};
pub use replay::{History, Replay, Resume, Roll, Unfinished, forget, replay, resumable};
pub use report::{Report, Waiting};
pub use runner::{RunFailed, RunOptions, Runner, Summary};
pub use store::{Seeds, Store};
pub use world::{Session, World};

/// The command's name, for hints that the user can run.
pub const PROGRAM: &str = "kubewright";
