//! Runs a graph of phases: plans it, runs independent phases in parallel, journals it, and goes on where a killed run
//! stopped. It knows nothing of Kubernetes.

pub mod effect;
pub mod event;
pub mod failure;
pub mod journal;
pub mod phase;
pub mod report;
pub mod store;
pub mod world;

pub use effect::{Digest, Effect, EffectLog, FileChange};
pub use event::{Event, EventKind, Events, Outcome, PhaseInfo, Renderer, RunOutcome};
pub use failure::{Failure, FailureContext, FailureKind};
pub use journal::{IntentId, Journal, JournalError, Record};
pub use phase::{Applies, AnyPhase, Artifact, ArtifactId, Capability, Doing, Entry, Input, Maybe, Needs, Phase, Read, Use, Value};
pub use report::{Report, Waiting};
pub use store::{Seeds, Store};
pub use world::{Session, World};
