//! Reads back what killed and failed runs left, and decides whether the next run may go on with one. Changes nothing.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the journal is the engine's one file")]

use std::collections::BTreeMap;
use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};

use crate::effect::{Digest, Effect, FileChange};
use crate::event::RunOutcome;
use crate::journal::{FILE, JournalError, RUNS, run_ids};
use crate::plan::{Done, Selection};
use crate::record::{FORMAT, Head, IntentId, Record, State, Status};

/// What earlier runs left.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The newest run of any workflow. Its files are recovered first, whatever the command.
    pub newest: Option<Replay>,
    /// The newest run of the whole workflow that was asked for, unless it succeeded. It may be the same run.
    pub unfinished: Option<Replay>,
}

/// What the journal of one run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The run's identifier.
    pub run_id: String,
    /// The journal's file.
    pub path: Utf8PathBuf,
    /// Its first record.
    pub head: Head,
    /// The phases that finished, in it or in the runs that it went on with.
    pub finished: Vec<String>,
    /// The files that a phase promised before it was stopped.
    pub unfinished: Vec<Unfinished>,
    /// Every temporary file that may have been left. Sweep them after rolling; most are gone already.
    pub scratch: Vec<Utf8PathBuf>,
    /// Outward effects, with their phase, of which nobody knows whether they happened.
    pub unsettled: Vec<(String, Effect)>,
    /// How the run ended; `None` when it was killed.
    pub closed: Option<RunOutcome>,
}

/// The files that a phase promised before it was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The phase.
    pub phase: String,
    /// Its files, each with its last promised change.
    pub files: Vec<FileChange>,
    /// Which way to bring them.
    pub roll: Roll,
}

/// Which way the files of a stopped phase are brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roll {
    /// To the new contents, which are all durable. The phase is not finished by this; it runs again.
    Forward,
    /// To the old contents: the phase had failed and was being taken back.
    Back,
}

/// Whether a run goes on where another stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resume {
    /// There is nothing to go on with.
    Fresh,
    /// It does not repeat these phases.
    Continue {
        /// The run that stopped.
        run_id: String,
        /// The phases that finished there.
        done: Done,
    },
    /// It must not go on, and the user has to say what is wanted.
    Refuse {
        /// Why, and what to do.
        why: String,
    },
}

/// Reads the runs under `dir`, newest first, as far back as the newest whole run of `workflow`.
///
/// A run whose head was torn has changed nothing and is passed over. The caller holds the node's lock.
pub fn replay(dir: &Utf8Path, workflow: &str) -> Result<History, JournalError> {
    let mut history = History::default();
    for (_, run_id) in run_ids(dir)? {
        let path = dir.join(RUNS).join(&run_id).join(FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|source| JournalError::Read { path: path.clone(), source })?,
        };
        let Some(replay) = read(run_id, path, &text)? else { continue };
        let whole = replay.head.workflow == workflow && replay.head.selection.only.is_empty();
        if whole && replay.closed != Some(RunOutcome::Succeeded) {
            history.unfinished = Some(replay.clone());
        }
        history.newest.get_or_insert(replay);
        if whole {
            break;
        }
    }
    Ok(history)
}

/// Removes the journals of all runs, for a command that takes back what they did.
pub fn forget(dir: &Utf8Path) -> Result<(), JournalError> {
    let path = dir.join(RUNS);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|source| JournalError::Io { path, source }),
    }
}

/// Decides whether a run of `workflow` goes on with the one that did not succeed.
///
/// Runs of single phases never do: they load what they need, and do again what was asked for. Another selection of
/// phases to skip is no reason to stop; another configuration is, once a phase has finished with the old one.
pub fn resumable(unfinished: Option<&Replay>, workflow: &str, config: &Digest, selection: &Selection) -> Resume {
    let Some(replay) = unfinished else { return Resume::Fresh };
    let same = replay.head.workflow == workflow && selection.only.is_empty() && replay.head.selection.only.is_empty();
    if !same || replay.closed == Some(RunOutcome::Succeeded) || replay.finished.is_empty() {
        return Resume::Fresh;
    }
    if replay.head.config != *config {
        let count = match replay.finished.len() {
            1 => "1 phase".to_owned(),
            more => format!("{more} phases"),
        };
        let why = format!(
            "run {} of `{workflow}` finished {count} with another configuration; run it with the same configuration and \
             flags as then to go on, or with `--fresh` to start afresh",
            replay.run_id
        );
        return Resume::Refuse { why };
    }
    Resume::Continue { run_id: replay.run_id.clone(), done: Done::of(replay.finished.iter().cloned()) }
}

/// Reads one journal; `None` when not even its head is whole.
fn read(run_id: String, path: Utf8PathBuf, text: &[u8]) -> Result<Option<Replay>, JournalError> {
    let mut gathered = Gathered::default();
    // Whatever follows the last newline was never promised to anybody.
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &text[..end]);
    for (index, line) in whole.split(|byte| *byte == b'\n').enumerate() {
        if whole.is_empty() {
            return Ok(None);
        }
        let line_number = index + 1;
        if index == 0
            && let Ok(Format { format }) = serde_json::from_slice(line)
            && format > FORMAT
        {
            return Err(JournalError::Format { path, found: format });
        }
        let damaged = |source| JournalError::Damaged { path: path.clone(), line: line_number, source };
        let record: Record = serde_json::from_slice(line).map_err(|error| damaged(error.into()))?;
        gathered.state.apply(&record).map_err(|error| damaged(error.into()))?;
        gathered.take(record);
    }
    Ok(gathered.replay(run_id, path))
}

/// The part of the head that every format has.
#[derive(serde::Deserialize)]
struct Format {
    format: u32,
}

#[derive(Default)]
struct Gathered {
    state: State,
    sealed: BTreeMap<String, Vec<FileChange>>,
    scratch: Vec<Utf8PathBuf>,
    intended: BTreeMap<IntentId, (String, Effect)>,
}

impl Gathered {
    fn take(&mut self, record: Record) {
        match record {
            Record::Scratch { path, .. } if !self.scratch.contains(&path) => self.scratch.push(path),
            Record::Sealed { phase, files } => {
                let known = self.sealed.entry(phase).or_default();
                // A later promise for a path means that the earlier one was kept.
                known.retain(|old| files.iter().all(|new| new.path != old.path));
                known.extend(files);
            }
            Record::Intended { phase, id, effect } => {
                self.intended.insert(id, (phase, effect));
            }
            Record::Settled { id, .. } => {
                self.intended.remove(&id);
            }
            Record::Finished { phase, .. } | Record::RolledBack { phase } => {
                self.sealed.remove(&phase);
            }
            _ => {}
        }
    }

    fn replay(self, run_id: String, path: Utf8PathBuf) -> Option<Replay> {
        let head = self.state.head?;
        let status = |phase: &str| self.state.phases.get(phase).copied().unwrap_or_default();
        let unfinished = self.sealed.into_iter().map(|(phase, files)| {
            let roll = if status(&phase) == Status::Failed { Roll::Back } else { Roll::Forward };
            Unfinished { phase, files, roll }
        });
        let unfinished = unfinished.collect();
        let finished = self.state.phases.iter().filter(|(_, status)| **status == Status::Finished);
        let finished = finished.map(|(phase, _)| phase.clone()).collect();
        let scratch = if self.state.closed == Some(RunOutcome::Succeeded) { Vec::new() } else { self.scratch };
        let unsettled = self.intended.into_values().collect();
        Some(Replay { run_id, path, head, finished, unfinished, scratch, unsettled, closed: self.state.closed })
    }
}

#[cfg(test)]
mod tests;
