//! What happens in a run, as one ordered stream that renderers turn into words.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::effect::{Effect, Standing};

/// The version of the JSON form of events; a reader that meets a higher one should say so.
pub const EVENT_FORMAT: u32 = 1;

/// One thing that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// Counts from 0 without gaps, except where droppable events were dropped.
    pub seq: u64,
    /// Milliseconds since the run started.
    pub elapsed_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// How a phase ended, as observed from its effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It changed something.
    Changed,
    /// It found everything in place.
    Unchanged,
    /// It did not run; its value was read from the node.
    Loaded,
    /// It did not run and nobody needed its value.
    Left,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// Every planned phase finished.
    Succeeded,
    /// A phase failed; finished phases are kept.
    Failed,
    /// It was stopped by the user or a signal; finished phases are kept.
    Cancelled,
}

/// A phase of the run as `run-started` lists it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PhaseInfo {
    /// Its path, such as `certs/ca`.
    pub path: String,
    /// Its help line.
    pub about: String,
    /// What the plan says of it: `run`, `load` or `leave`.
    pub step: String,
    /// Why it is loaded or left.
    pub why: Option<String>,
    /// An earlier run, which this one goes on with, finished it.
    pub finished: bool,
}

/// What can happen.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EventKind {
    /// The run begins; its phases are in the order in which they are printed.
    RunStarted {
        /// [`EVENT_FORMAT`].
        format: u32,
        /// The run's identifier.
        run: String,
        /// The workflow's name, such as `init`.
        workflow: String,
        /// Nothing is changed in this run.
        dry_run: bool,
        /// The identifier of the killed or failed run that this one goes on with.
        resumes: Option<String>,
        /// Every phase of the plan.
        phases: Vec<PhaseInfo>,
    },
    /// A phase begins.
    PhaseStarted {
        /// Its path.
        phase: String,
    },
    /// A line for the user; the plain renderer prints `[tag] text`, or only the text when the tag is empty.
    Note {
        /// Which phase says it.
        phase: String,
        /// The word in brackets, as kubeadm prints it.
        tag: String,
        /// The line or lines.
        text: String,
    },
    /// Something that the user should know but that stops nothing.
    Warning {
        /// Which phase says it.
        phase: String,
        /// The line or lines.
        text: String,
    },
    /// Data that the user asked for: goes to standard output as it is.
    Output {
        /// Which phase gives it.
        phase: String,
        /// The text, with its own newlines.
        text: String,
    },
    /// A wait goes on. May be dropped.
    Waiting {
        /// Which phase waits.
        phase: String,
        /// What for.
        what: String,
        /// How long already, in milliseconds.
        waited_ms: u64,
        /// Its deadline, in milliseconds from its start.
        limit_ms: u64,
        /// Why it is not there yet.
        cause: Option<String>,
    },
    /// Work goes on. May be dropped.
    Progress {
        /// Which phase works.
        phase: String,
        /// At what, such as an image name.
        what: String,
        /// How much is done.
        done: u64,
        /// How much there is, when known.
        total: Option<u64>,
        /// `bytes`, `images`, ….
        unit: String,
    },
    /// Something was changed.
    Effect {
        /// Which phase changed it.
        phase: String,
        /// What was changed.
        effect: Effect,
    },
    /// A phase ended well.
    PhaseFinished {
        /// Its path.
        phase: String,
        /// How.
        outcome: Outcome,
    },
    /// A phase failed; its files are as before it.
    PhaseFailed {
        /// Its path.
        phase: String,
        /// From the outermost context to the first cause.
        error: Vec<String>,
        /// What the user can run or change.
        hints: Vec<String>,
        /// Its outward effects, which stand in spite of that.
        #[serde(default)]
        standing: Vec<Standing>,
    },
    /// The run ended.
    RunFinished {
        /// How.
        outcome: RunOutcome,
    },
    /// An event of a newer format.
    #[serde(other)]
    Unknown,
}

impl EventKind {
    /// Whether a renderer that cannot keep up may drop it.
    pub fn droppable(&self) -> bool {
        matches!(self, Self::Waiting { .. } | Self::Progress { .. })
    }

    /// The phase that it belongs to.
    pub fn phase(&self) -> Option<&str> {
        match self {
            Self::PhaseStarted { phase }
            | Self::Note { phase, .. }
            | Self::Warning { phase, .. }
            | Self::Output { phase, .. }
            | Self::Waiting { phase, .. }
            | Self::Progress { phase, .. }
            | Self::Effect { phase, .. }
            | Self::PhaseFinished { phase, .. }
            | Self::PhaseFailed { phase, .. } => Some(phase),
            Self::RunStarted { .. } | Self::RunFinished { .. } | Self::Unknown => None,
        }
    }
}

/// The sending end of the stream; cheap to clone.
#[derive(Clone)]
pub struct Events {
    sender: mpsc::UnboundedSender<Event>,
    seq: Arc<AtomicU64>,
    start: Instant,
    said: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Events {
    /// Opens a stream.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender, seq: Arc::default(), start: Instant::now(), said: Arc::default() }, receiver)
    }

    /// Whether nobody has asked with this word before.
    pub fn first(&self, word: &'static str) -> bool {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(word)
    }

    /// Sends one event. A stream that nobody reads any more swallows it.
    pub fn send(&self, kind: EventKind) {
        let elapsed_ms = millis(self.start.elapsed());
        let seq = self.seq.fetch_add(1, Ordering::SeqCst);
        let _ = self.sender.send(Event { seq, elapsed_ms, kind });
    }
}

/// Turns a duration into whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Turns events into what the user sees.
pub trait Renderer: Send {
    /// Shows one event.
    fn event(&mut self, event: &Event) -> std::io::Result<()>;

    /// Shows what was held back and leaves the terminal as it was.
    fn finish(&mut self) -> std::io::Result<()>;
}
