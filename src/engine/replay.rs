//! Reads back what killed and failed runs left, and decides whether the next run may go on with one. Changes nothing.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the journal is the engine's one file")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};

use camino::{Utf8Path, Utf8PathBuf};

use crate::effect::{Digest, Effect, FileChange, Standing};
use crate::event::RunOutcome;
use crate::inputs::Inputs;
use crate::journal::{FILE, JournalError, MAX_JOURNAL_BYTES, RUNS, run_ids};
use crate::plan::Done;
use crate::record::{FORMAT, Head, IntentId, Promise, Record, State, Status, durable};
use crate::selection::Selection;

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
    /// Where each phase stands of which anything is recorded.
    pub phases: BTreeMap<String, Status>,
    /// Why a phase failed last.
    pub errors: BTreeMap<String, Vec<String>>,
    /// Outward effects of phases that have not finished: files can be taken back, these cannot.
    pub standing: Vec<Standing>,
    /// The last promise of each file, by phases that finished or may still have kept it.
    pub promised: Vec<Promise>,
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
    /// To the new contents, which are all durable: the phase did not fail, or had some in place when it did. It is not finished by this; it runs again.
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
        /// Why: which run, and which of its inputs have changed.
        why: String,
    },
}

/// Reads the runs under `dir`, newest first, as far back as the newest whole run of `workflow`.
///
/// A run whose head was torn has changed nothing and is passed over. The caller holds the node's lock.
pub fn replay(dir: &Utf8Path, workflow: &str) -> Result<History, JournalError> {
    let mut history = History::default();
    let mut later: BTreeMap<Utf8PathBuf, Option<Digest>> = BTreeMap::new();
    for (_, run_id) in run_ids(dir)? {
        let Some(mut replay) = open(dir, run_id)? else { continue };
        let whole = replay.head.workflow == workflow && replay.is_whole();
        for promise in &mut replay.promised {
            // What a later command made of a file is what stands there now.
            let newest = later.entry(promise.path.clone()).or_insert_with(|| promise.digest.clone());
            promise.digest.clone_from(newest);
        }
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

/// What `status` tells of: the newest run, and if that was one of single phases, the newest whole run before it.
#[derive(Debug, Default)]
pub struct Survey {
    /// The runs, newest first.
    pub runs: Vec<Replay>,
    /// Journals on the way that cannot be read, by run.
    pub unreadable: Vec<(String, JournalError)>,
}

/// Reads the newest runs under `dir`, whatever their workflow, and passes over journals that cannot be read.
///
/// Needs no lock: a run that is going on appends whole lines, and its last one may be torn like any other.
///
/// # Errors
/// The directory of the runs cannot be listed.
pub fn survey(dir: &Utf8Path) -> Result<Survey, JournalError> {
    let mut survey = Survey::default();
    for (_, run_id) in run_ids(dir)? {
        match open(dir, run_id.clone()) {
            Ok(None) => {}
            Ok(Some(replay)) if replay.is_whole() => {
                survey.runs.push(replay);
                break;
            }
            Ok(Some(replay)) if survey.runs.is_empty() => survey.runs.push(replay),
            Ok(Some(_)) => {}
            Err(error) => survey.unreadable.push((run_id, error)),
        }
    }
    Ok(survey)
}

/// The phases that a process is at work on right now, as the newest journal under `dir` has it; none if that is another's.
pub fn at_work(dir: &Utf8Path, pid: u32) -> Vec<String> {
    let newest = run_ids(dir).ok().and_then(|ids| ids.into_iter().next());
    let replay = newest.and_then(|(_, run_id)| open(dir, run_id).ok().flatten());
    let Some(replay) = replay.filter(|replay| replay.head.pid == pid && replay.closed.is_none()) else {
        return Vec::new();
    };
    replay.phases.into_iter().filter(|(_, status)| status.going_on()).map(|(phase, _)| phase).collect()
}

impl Replay {
    /// Whether its user asked for the whole workflow.
    pub fn is_whole(&self) -> bool {
        self.head.selection.only.is_empty()
    }
}

/// Removes the journals of all runs, for a command that takes back what they did.
pub fn forget(dir: &Utf8Path) -> Result<(), JournalError> {
    let path = dir.join(RUNS);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|source| JournalError::Forget { path, source }),
    }
}

/// Decides whether a run of `workflow` goes on with the one that did not succeed.
///
/// Runs of single phases never do: they load what they need, and do again what was asked for. Another selection of
/// phases to skip is no reason to stop; another configuration is, once a phase has finished with the old one.
pub fn resumable(unfinished: Option<&Replay>, workflow: &str, inputs: &Inputs, selection: &Selection) -> Resume {
    let Some(replay) = unfinished else { return Resume::Fresh };
    let same = replay.head.workflow == workflow && selection.only.is_empty() && replay.head.selection.only.is_empty();
    if !same || replay.closed == Some(RunOutcome::Succeeded) || replay.finished.is_empty() {
        return Resume::Fresh;
    }
    let differences = replay.head.inputs.differences(inputs);
    if !differences.is_empty() {
        let count = match replay.finished.len() {
            1 => "1 phase".to_owned(),
            more => format!("{more} phases"),
        };
        let why = format!(
            "run {} of `{workflow}` finished {count} with another configuration: {}",
            replay.run_id,
            differences.join("; ")
        );
        return Resume::Refuse { why };
    }
    Resume::Continue { run_id: replay.run_id.clone(), done: Done::of(replay.finished.iter().cloned()) }
}

/// Opens and reads one journal; `None` when it is not there, or not even its head is whole.
fn open(dir: &Utf8Path, run_id: String) -> Result<Option<Replay>, JournalError> {
    let path = dir.join(RUNS).join(&run_id).join(FILE);
    let failed = |source| JournalError::Read { path: path.clone(), source };
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let mut text = Vec::new();
    file.take(MAX_JOURNAL_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_JOURNAL_BYTES {
        return Err(JournalError::TooLarge { path });
    }
    read(run_id, path, &text)
}

/// Reads one journal; `None` when not even its head is whole.
fn read(run_id: String, path: Utf8PathBuf, text: &[u8]) -> Result<Option<Replay>, JournalError> {
    let mut gathered = Gathered::default();
    // Whatever follows the last newline was never promised to anybody.
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { return Ok(None) };
    let lines: Vec<&[u8]> = text[..end].split(|byte| *byte == b'\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let line_number = index + 1;
        if index == 0
            && let Ok(Format { format }) = serde_json::from_slice(line)
            && format > FORMAT
        {
            return Err(JournalError::Format { path, found: format });
        }
        let after = &lines[line_number..];
        if line.contains(&0) && !was_flushed(after) {
            gathered.sweep_for(after);
            break;
        }
        let damaged = |source| JournalError::Damaged { path: path.clone(), line: line_number, source };
        let record: Record = serde_json::from_slice(line).map_err(|error| damaged(error.into()))?;
        gathered.state.apply(&record).map_err(|error| damaged(error.into()))?;
        gathered.take(record);
    }
    Ok(gathered.replay(run_id, path))
}

/// Whether what stands before these lines was made durable by one of them.
///
/// A power cut may lose any part of what was not flushed and keep what was written after it; zeros stand in the hole. A
/// flush makes all that was written before it durable, so a hole before a record that was flushed is damage of another
/// kind. The flush of the very last record may not have come to its end.
fn was_flushed(after: &[&[u8]]) -> bool {
    let Some((_, earlier)) = after.split_last() else { return false };
    earlier.iter().any(|line| serde_json::from_slice(line).is_ok_and(|record| durable(&record)))
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
    /// With what is known of how each ended.
    intended: BTreeMap<IntentId, (String, Effect, Option<bool>)>,
    promised: BTreeMap<Utf8PathBuf, Promise>,
    errors: BTreeMap<String, Vec<String>>,
    /// The phases that failed when there was no way back.
    halfway: BTreeSet<String>,
}

impl Gathered {
    /// Notes the temporary files of records that do not count, since something is missing before them.
    fn sweep_for(&mut self, lines: &[&[u8]]) {
        let records = lines.iter().filter_map(|line| serde_json::from_slice(line).ok());
        records.filter(|record| matches!(record, Record::Scratch { .. })).for_each(|record| self.take(record));
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Head(head) => {
                self.promised = head.promised.into_iter().map(|promise| (promise.path.clone(), promise)).collect();
            }
            Record::Scratch { path, .. } if !self.scratch.contains(&path) => self.scratch.push(path),
            Record::Sealed { phase, files } => {
                for FileChange { path, new, .. } in &files {
                    let promise = Promise { phase: phase.clone(), path: path.clone(), digest: new.clone() };
                    self.promised.insert(path.clone(), promise);
                }
                let known = self.sealed.entry(phase).or_default();
                // A later promise for a path means that the earlier one was kept.
                known.retain(|old| files.iter().all(|new| new.path != old.path));
                known.extend(files);
            }
            Record::Intended { phase, id, effect } => {
                self.intended.insert(id, (phase, effect, None));
            }
            Record::Settled { id, ok } => {
                if let Some((_, _, settled)) = self.intended.get_mut(&id) {
                    *settled = Some(ok);
                }
            }
            Record::Finished { phase, .. } => {
                self.sealed.remove(&phase);
                self.errors.remove(&phase);
            }
            Record::RolledBack { phase } => {
                self.sealed.remove(&phase);
                // Some of them may stand, since they were published before an effect. The phase looks itself.
                self.promised.retain(|_, promise| promise.phase != phase);
            }
            Record::Failed { phase, error, halfway } => {
                if halfway {
                    self.halfway.insert(phase.clone());
                }
                self.errors.insert(phase, error);
            }
            Record::Scratch { .. } | Record::Started { .. } | Record::Closed { .. } => {}
        }
    }

    fn replay(self, run_id: String, path: Utf8PathBuf) -> Option<Replay> {
        let head = self.state.head?;
        let status = |phase: &str| self.state.phases.get(phase).copied().unwrap_or_default();
        let unfinished = self.sealed.into_iter().map(|(phase, files)| {
            let back = status(&phase) == Status::Failed && !self.halfway.contains(&phase);
            let roll = if back { Roll::Back } else { Roll::Forward };
            Unfinished { phase, files, roll }
        });
        let unfinished = unfinished.collect();
        let finished = self.state.phases.iter().filter(|(_, status)| **status == Status::Finished);
        let finished = finished.map(|(phase, _)| phase.clone()).collect();
        let unsettled = self.intended.values().filter(|(_, _, settled)| settled.is_none());
        let unsettled = unsettled.map(|(phase, effect, _)| (phase.clone(), effect.clone())).collect();
        let standing = self.intended.into_values().filter(|(phase, ..)| status(phase) != Status::Finished);
        let standing = standing.map(|(phase, effect, settled)| Standing { phase, effect, sure: settled == Some(true) });
        let standing = standing.collect();
        let kept =
            |promise: &Promise| matches!(status(&promise.phase), Status::Finished | Status::Running | Status::Sealed);
        let promised = self.promised.into_values().filter(kept).collect();
        let closed = self.state.closed;
        Some(Replay {
            run_id,
            path,
            head,
            finished,
            unfinished,
            scratch: if closed == Some(RunOutcome::Succeeded) { Vec::new() } else { self.scratch },
            unsettled,
            errors: self.errors,
            standing,
            promised,
            closed,
            phases: self.state.phases,
        })
    }
}

#[cfg(test)]
mod tests;
