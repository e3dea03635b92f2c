//! What was changed, as data. Paths, modes and digests only: contents never pass through here.

use std::fmt;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::event::{EventKind, Events};
use crate::journal::{IntentId, Journal, JournalError, Record};

/// The SHA-256 digest of a file's contents, in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(pub String);

/// One file that a phase adds, replaces or removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The file's final name, absolute.
    pub path: Utf8PathBuf,
    /// Where the new contents wait until they are published; `None` when the file is removed.
    pub staged: Option<Utf8PathBuf>,
    /// Permission bits of the new file, such as `0o600`.
    pub mode: u32,
    /// What stood there before; `None` for a file that is added.
    pub old: Option<Digest>,
    /// What stands there afterwards; `None` for a file that is removed.
    pub new: Option<Digest>,
}

/// One change as people and machines read it: what was done, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// A verb: `write`, `remove`, `mkdir`, `restart`, `stop`, `apply`, `patch`, `pull`.
    pub action: String,
    /// What it was done to: a path, `service kubelet`, `ConfigMap kube-system/kubeadm-config`, an image name.
    pub object: String,
}

impl Effect {
    /// Names a change.
    pub fn new(action: impl Into<String>, object: impl Into<String>) -> Self {
        Self { action: action.into(), object: object.into() }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.object)
    }
}

/// Where one phase's session writes down what it is about to do and has done.
#[derive(Clone)]
pub struct EffectLog {
    phase: &'static str,
    journal: Arc<Journal>,
    events: Events,
}

impl EffectLog {
    /// Opens the log of one phase.
    pub fn new(phase: &'static str, journal: Arc<Journal>, events: Events) -> Self {
        Self { phase, journal, events }
    }

    /// The phase that this log belongs to, such as `certs/ca`.
    pub fn phase(&self) -> &'static str {
        self.phase
    }

    /// The run's identifier, which names temporary files.
    pub fn run_id(&self) -> &str {
        self.journal.run_id()
    }

    /// Notes a temporary file before it is made, so that recovery knows where to sweep.
    pub fn scratch(&self, path: &Utf8Path) -> Result<(), JournalError> {
        self.journal.append(&Record::Scratch { phase: self.phase.into(), path: path.to_owned() })
    }

    /// Promises that every staged byte is durable: from here on recovery rolls forward. Durable when it returns.
    pub fn sealed(&self, files: &[FileChange]) -> Result<(), JournalError> {
        self.journal.append(&Record::Sealed { phase: self.phase.into(), files: files.to_vec() })
    }

    /// Writes down an outward effect before it happens. Durable when it returns.
    pub fn intend(&self, effect: &Effect) -> Result<IntentId, JournalError> {
        let id = self.journal.next_intent();
        self.journal.append(&Record::Intended { phase: self.phase.into(), id, effect: effect.clone() })?;
        Ok(id)
    }

    /// Writes down how an outward effect ended.
    pub fn settle(&self, id: IntentId, ok: bool) -> Result<(), JournalError> {
        self.journal.append(&Record::Settled { id, ok })
    }

    /// Tells everybody who watches that something was changed. The runner counts these: a phase without any is "unchanged".
    pub fn changed(&self, effect: Effect) {
        self.events.send(EventKind::Effect { phase: self.phase.into(), effect });
    }
}
