//! Brings the files of a run that was killed to one side or the other: what it had sealed is finished, everything else is
//! swept. Safe to repeat, and to be killed in itself.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::FileChange;
use kubewright_engine::replay::{Replay, Roll};
use kubewright_node::FileError;

use crate::disk::Unreadable;
use crate::files::HostFiles;
use crate::scratch;
use crate::session::is_published;
use crate::shared::{Shared, digest};

/// What recovery did, for the user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The run that was recovered.
    pub run_id: String,
    /// Sealed files that stand in their places now. Their phases are not finished by this: they run again.
    pub finished: Vec<PhaseFiles>,
    /// Sealed files of phases that had failed, dropped.
    pub dropped: Vec<PhaseFiles>,
    /// Sealed files that somebody else changed since; theirs stay.
    pub foreign: Vec<Utf8PathBuf>,
    /// How many other temporary files and directories were removed.
    pub swept: usize,
}

/// The files of one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseFiles {
    /// The phase.
    pub phase: String,
    /// Its files.
    pub files: Vec<Utf8PathBuf>,
}

impl Recovered {
    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.finished.is_empty() && self.dropped.is_empty() && self.foreign.is_empty() && self.swept == 0
    }

    /// What was done, one sentence a line, for people.
    pub fn lines(&self) -> Vec<String> {
        let run = &self.run_id;
        let mut lines = Vec::new();
        for PhaseFiles { phase, files } in &self.finished {
            let count = count(files.len());
            lines.push(format!("finished {count} of {phase} that run {run} had sealed: {}", names(files)));
        }
        for PhaseFiles { phase, files } in &self.dropped {
            lines.push(format!(
                "dropped {} of {phase}, which had failed in run {run}: {}",
                count(files.len()),
                names(files)
            ));
        }
        for path in &self.foreign {
            lines.push(format!("kept `{path}`: somebody changed it after run {run} had stopped"));
        }
        if self.swept > 0 {
            lines.push(format!("removed {} that run {run} had left unfinished", count(self.swept)));
        }
        lines
    }
}

impl HostFiles {
    /// Finishes or drops what the run left. Call it under the node's lock, before another journal begins.
    ///
    /// # Errors
    /// The first file that can neither be finished nor left; what was done so far stays, and the next call goes on.
    pub fn recover(&self, replay: &Replay) -> Result<Recovered, FileError> {
        let shared = self.shared();
        let mut recovered = Recovered { run_id: replay.run_id.clone(), ..Recovered::default() };
        for unfinished in &replay.unfinished {
            let mut files = Vec::new();
            let mut directories = BTreeSet::new();
            for change in &unfinished.files {
                let done = match unfinished.roll {
                    Roll::Forward => finish(shared, change)?,
                    Roll::Back => drop_staged(shared, change)?,
                };
                match done {
                    Done::Nothing => continue,
                    Done::Foreign => recovered.foreign.push(change.path.clone()),
                    Done::Changed => files.push(change.path.clone()),
                }
                directories.extend(change.path.parent().map(Utf8Path::to_owned));
            }
            shared.directories.sync(&shared.disk, &directories, None)?;
            if !files.is_empty() {
                let list = match unfinished.roll {
                    Roll::Forward => &mut recovered.finished,
                    Roll::Back => &mut recovered.dropped,
                };
                list.push(PhaseFiles { phase: unfinished.phase.clone(), files });
            }
        }
        for path in &replay.scratch {
            recovered.swept += usize::from(sweep(shared, path, &replay.run_id)?);
        }
        Ok(recovered)
    }
}

enum Done {
    Nothing,
    Changed,
    Foreign,
}

/// Publishes one sealed file.
fn finish(shared: &Shared, change: &FileChange) -> Result<Done, FileError> {
    let Some(staged) = &change.staged else {
        return match is_published(shared, change) {
            Ok(true) => Ok(Done::Nothing),
            Ok(false) => remove(shared, &change.path).map(|_| Done::Changed),
            Err(FileError::ChangedMeanwhile { .. } | FileError::NotAFile { .. } | FileError::TooLarge { .. }) => {
                Ok(Done::Foreign)
            }
            Err(error) => Err(error),
        };
    };
    let waiting = match shared.disk.read(staged) {
        // Renames are whole: what does not wait was published, and what became of it later is nobody's business.
        Ok(None) => return Ok(Done::Nothing),
        Ok(Some(found)) => Some(digest(&found.bytes)),
        Err(Unreadable::Io(source)) => return Err(FileError::Io { doing: "read", path: staged.clone(), source }),
        Err(_) => None,
    };
    // The seal promised these bytes. If they are others, somebody was at them, and nothing good can come of using them.
    if waiting != change.new {
        remove(shared, staged)?;
        return Ok(Done::Foreign);
    }
    match is_published(shared, change) {
        Ok(true) => remove(shared, staged).map(|_| Done::Nothing),
        Ok(false) => {
            let failed = |source| FileError::Io { doing: "replace", path: change.path.clone(), source };
            shared.disk.rename(staged, &change.path).map_err(failed).map(|()| Done::Changed)
        }
        Err(FileError::ChangedMeanwhile { .. } | FileError::NotAFile { .. } | FileError::TooLarge { .. }) => {
            remove(shared, staged).map(|_| Done::Foreign)
        }
        Err(error) => Err(error),
    }
}

fn drop_staged(shared: &Shared, change: &FileChange) -> Result<Done, FileError> {
    let Some(staged) = &change.staged else { return Ok(Done::Nothing) };
    remove(shared, staged).map(|removed| if removed { Done::Changed } else { Done::Nothing })
}

/// Removes a temporary file or directory, if its name says that the run made it.
fn sweep(shared: &Shared, path: &Utf8Path, run_id: &str) -> Result<bool, FileError> {
    if !scratch::belongs_to(path, run_id) {
        return Ok(false);
    }
    let failed = |source| FileError::Io { doing: "remove", path: path.to_owned(), source };
    match shared.disk.is_directory(path) {
        Ok(true) => shared.disk.remove_directory(path).map_err(failed),
        _ => remove(shared, path),
    }
}

fn remove(shared: &Shared, path: &Utf8Path) -> Result<bool, FileError> {
    shared.disk.remove(path).map_err(|source| FileError::Io { doing: "remove", path: path.to_owned(), source })
}

fn count(files: usize) -> String {
    match files {
        1 => "1 file".into(),
        more => format!("{more} files"),
    }
}

fn names(files: &[Utf8PathBuf]) -> String {
    files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
