//! What can be written into a journal, and in which order. Pure: writing and reading back go by the same rules.

use std::collections::{BTreeMap, HashMap};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::effect::{Digest, Effect, FileChange};
use crate::event::{Outcome, RunOutcome};
use crate::inputs::Inputs;
use crate::selection::Selection;

/// The version of the journal's format; a journal with a higher one is not read.
pub const FORMAT: u32 = 1;

/// Numbers an outward effect within a run.
pub type IntentId = u32;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The run begins; always the first line. Durable.
    Head(Head),
    /// A phase begins.
    Started {
        /// Its path.
        phase: String,
    },
    /// A temporary file is about to be made.
    Scratch {
        /// Who makes it.
        phase: String,
        /// The file.
        path: Utf8PathBuf,
    },
    /// Every staged byte of the phase is durable. Durable itself.
    Sealed {
        /// Whose files.
        phase: String,
        /// The files.
        files: Vec<FileChange>,
    },
    /// An outward effect is about to happen. Durable.
    Intended {
        /// Whose effect.
        phase: String,
        /// Its number.
        id: IntentId,
        /// The effect.
        effect: Effect,
    },
    /// It ended.
    Settled {
        /// Its number.
        id: IntentId,
        /// Whether it happened.
        ok: bool,
    },
    /// A phase ended well and its changes are final.
    Finished {
        /// Its path.
        phase: String,
        /// How.
        outcome: Outcome,
    },
    /// A phase failed or was stopped; its files are about to be put back, unless it was halfway.
    Failed {
        /// Its path.
        phase: String,
        /// From the outermost context to the first cause.
        error: Vec<String>,
        /// Whether some of its files stand in their places already, and the rest wait: these are not put back, the next run
        /// finishes them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        halfway: bool,
    },
    /// The files of a failed phase are as before it.
    RolledBack {
        /// Its path.
        phase: String,
    },
    /// The run ended; always the last line.
    Closed {
        /// How.
        outcome: RunOutcome,
    },
}

/// What a run is: the first record of its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of the program.
    pub tool: String,
    /// The workflow, such as `init`.
    pub workflow: String,
    /// All that decides what the phases make.
    #[serde(default)]
    pub inputs: Inputs,
    /// What the user selected.
    pub selection: Selection,
    /// The phases that are to run.
    pub steps: Vec<String>,
    /// The run that this one goes on with.
    pub resumes: Option<String>,
    /// The phases that finished there.
    pub done: Vec<String>,
    /// The files that its phases promised, there or before.
    #[serde(default)]
    pub promised: Vec<Promise>,
    /// What was typed, without secrets: what to type again.
    #[serde(default)]
    pub command: String,
    /// The process.
    #[serde(default)]
    pub pid: u32,
}

/// A file as a phase promised it: whoever goes on with the run looks whether it still is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The phase.
    pub phase: String,
    /// The file's final name.
    pub path: Utf8PathBuf,
    /// What stands there; `None` for a file that was removed.
    pub digest: Option<Digest>,
}

/// Where one phase stands in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// Nothing is recorded of it.
    #[default]
    Waiting,
    /// It has begun.
    Running,
    /// Some of its files are promised.
    Sealed,
    /// It failed; its files may be half put back.
    Failed,
    /// It failed, and its files are as before it.
    RolledBack,
    /// It ended well.
    Finished,
}

impl Status {
    pub(crate) fn going_on(self) -> bool {
        matches!(self, Self::Running | Self::Sealed | Self::Failed)
    }
}

/// A record that cannot follow what was recorded before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalRecord {
    /// It does not fit the phase's status.
    #[error("a phase that is {now:?} cannot get the record {record}")]
    Phase {
        /// The status.
        now: Status,
        /// The record, as JSON.
        record: String,
    },
    /// It does not fit the run.
    #[error("the run cannot get the record {record} here")]
    Run {
        /// The record, as JSON.
        record: String,
    },
}

/// The status of a phase after one of its records. Used when writing and when reading back.
pub fn next_status(now: Status, record: &Record) -> Result<Status, IllegalRecord> {
    use Status::{Failed, Finished, RolledBack, Running, Sealed, Waiting};
    match (record, now) {
        // A finished phase starts again when what it made has vanished.
        (Record::Started { .. }, Waiting | Finished | RolledBack) => Ok(Running),
        // Putting files back may need temporary files and outward effects too.
        (Record::Scratch { .. } | Record::Intended { .. } | Record::Settled { .. }, Running | Sealed | Failed) => {
            Ok(now)
        }
        (Record::Sealed { .. }, Running | Sealed) => Ok(Sealed),
        (Record::Finished { .. }, Running | Sealed) => Ok(Finished),
        // A phase that is only loaded fails without having begun, and one that had finished has finished all the same: a
        // cluster that does not answer just now is no reason to do again what is done.
        (Record::Failed { .. }, Waiting | Running | Sealed) => Ok(Failed),
        (Record::Failed { .. }, Finished) => Ok(Finished),
        (Record::RolledBack { .. }, Failed) => Ok(RolledBack),
        _ => Err(IllegalRecord::Phase { now, record: show(record) }),
    }
}

fn show(record: &Record) -> String {
    serde_json::to_string(record).unwrap_or_else(|_| format!("{record:?}"))
}

/// Everything that the records say so far.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) begun: bool,
    pub(crate) head: Option<Head>,
    pub(crate) phases: BTreeMap<String, Status>,
    pub(crate) intents: HashMap<IntentId, String>,
    pub(crate) closed: Option<RunOutcome>,
}

impl State {
    /// Takes one record in, or says why it cannot be the next one.
    pub(crate) fn apply(&mut self, record: &Record) -> Result<(), IllegalRecord> {
        let illegal = || IllegalRecord::Run { record: show(record) };
        if self.closed.is_some() || self.begun == matches!(record, Record::Head(_)) {
            return Err(illegal());
        }
        match record {
            Record::Head(head) => {
                self.phases = head.done.iter().map(|phase| (phase.clone(), Status::Finished)).collect();
                self.head = Some(head.clone());
                self.begun = true;
            }
            Record::Closed { outcome } => self.closed = Some(*outcome),
            Record::Settled { id, .. } => {
                let phase = self.intents.get(id).ok_or_else(illegal)?.clone();
                self.step(&phase, record)?;
                self.intents.remove(id);
            }
            Record::Intended { phase, id, .. } => {
                self.step(phase, record)?;
                if self.intents.insert(*id, phase.clone()).is_some() {
                    return Err(illegal());
                }
            }
            Record::Started { phase }
            | Record::Scratch { phase, .. }
            | Record::Sealed { phase, .. }
            | Record::Finished { phase, .. }
            | Record::Failed { phase, .. }
            | Record::RolledBack { phase } => self.step(phase, record)?,
        }
        Ok(())
    }

    fn step(&mut self, phase: &str, record: &Record) -> Result<(), IllegalRecord> {
        let next = next_status(self.phases.get(phase).copied().unwrap_or_default(), record)?;
        self.phases.insert(phase.to_owned(), next);
        Ok(())
    }
}

/// Whether recovery would go wrong without the record. Without any other one, a phase only runs once more.
pub(crate) fn durable(record: &Record) -> bool {
    matches!(record, Record::Head(_) | Record::Sealed { .. } | Record::Intended { .. })
}

#[cfg(test)]
mod tests;
