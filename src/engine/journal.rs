//! The durable record of a run: what was begun, sealed, intended and finished. Small, and the truth; events are the view.
//!
//! One file per run, `<dir>/runs/<id>/journal.jsonl`, one JSON record per line, only ever appended to. What recovery must
//! not lose is flushed to the disk before `append` returns; the rest survives a killed process, not a power cut.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the journal is the engine's one file")]

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use time::OffsetDateTime;

pub use crate::record::{FORMAT, Head, IllegalRecord, IntentId, Record, Status, next_status};
use crate::record::{State, durable};
use crate::stamp::stamp;

/// How many runs are kept, the newest one included.
pub const KEPT_RUNS: usize = 20;
/// The largest journal that is read. A run writes some ten thousand bytes; what is much larger was not written by us.
pub const MAX_JOURNAL_BYTES: u64 = 16 << 20;

/// Why the journal could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It could not be written.
    #[error("cannot write the journal `{path}`")]
    Io {
        /// The journal's file or directory.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An earlier write failed, so that nothing may follow it.
    #[error("the journal `{path}` could not be written before and is closed")]
    Broken {
        /// The journal's file.
        path: Utf8PathBuf,
    },
    /// The journals of earlier runs could not be removed.
    #[error("cannot remove the journals in `{path}`")]
    Forget {
        /// Their directory.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It could not be read.
    #[error("cannot read the journal `{path}`")]
    Read {
        /// The journal's file or directory.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is no record. A torn last line is none of these: it is dropped.
    #[error("the journal `{path}` is damaged in line {line}; move its directory away to go on without it")]
    Damaged {
        /// The journal's file.
        path: Utf8PathBuf,
        /// Counts from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is larger than any run makes it.
    #[error(
        "the journal `{path}` is larger than {MAX_JOURNAL_BYTES} bytes; move its directory away to go on without it"
    )]
    TooLarge {
        /// The journal's file.
        path: Utf8PathBuf,
    },
    /// A newer version wrote it.
    #[error(
        "the journal `{path}` has format {found}, but only format {FORMAT} and older can be read; use the version that wrote it"
    )]
    Format {
        /// The journal's file.
        path: Utf8PathBuf,
        /// Its format.
        found: u32,
    },
    /// The record does not fit what was recorded before.
    #[error(transparent)]
    Illegal(#[from] IllegalRecord),
    /// Two phases that are both going on write one file: a mistake in the code, they need an order.
    #[error("`{phase}` writes `{path}` while `{holder}`, which writes it too, is going on")]
    Claimed {
        /// The file.
        path: Utf8PathBuf,
        /// Who came second.
        phase: String,
        /// Who came first.
        holder: String,
    },
    /// A fault that a test asked for.
    #[error("injected fault at record {nth} of `{phase}`")]
    Injected {
        /// Whose record.
        phase: String,
        /// Which, counting from 1.
        nth: usize,
    },
}

/// The journal of the run that is going on.
pub struct Journal {
    run_id: String,
    resumes: Option<String>,
    intents: AtomicU32,
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    /// Which phase writes which file, as long as it is going on.
    claims: HashMap<Utf8PathBuf, String>,
    records: Vec<Record>,
    sink: Sink,
}

enum Sink {
    Memory,
    File { path: Utf8PathBuf, file: File },
    Broken { path: Utf8PathBuf },
}

impl Journal {
    /// Begins the journal of a new run under `dir` and forgets the oldest ones. The head is durable when it returns.
    ///
    /// Runs are told apart by a counter, since the clock of a fresh machine may jump. The caller holds the node's lock.
    pub fn begin(dir: &Utf8Path, head: Head) -> Result<Self, JournalError> {
        let runs = dir.join(RUNS);
        let last = run_ids(dir)?.first().map_or(0, |(number, _)| *number);
        let run_id = format!("{:06}-{}", last + 1, stamp(OffsetDateTime::now_utc()));
        let place = runs.join(&run_id);
        let path = place.join(FILE);
        let failed = |source| JournalError::Io { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&place).map_err(failed)?;
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        let resumes = head.resumes.clone();
        let sink = Sink::File { path: path.clone(), file };
        let inner = Inner { state: State::default(), claims: HashMap::new(), records: Vec::new(), sink };
        let journal = Self { run_id, resumes, intents: AtomicU32::new(0), inner: Mutex::new(inner) };
        journal.append(&Record::Head(head))?;
        sync_names(&place).map_err(failed)?;
        for (_, old) in run_ids(dir)?.iter().skip(KEPT_RUNS) {
            let old = runs.join(old);
            fs::remove_dir_all(&old).map_err(|source| JournalError::Io { path: old, source })?;
        }
        Ok(journal)
    }

    /// A journal that is kept in memory only, for dry runs and tests. It takes records in any order.
    pub fn discarding(run_id: impl Into<String>) -> Self {
        let state = State { begun: true, ..State::default() };
        let inner = Inner { state, claims: HashMap::new(), records: Vec::new(), sink: Sink::Memory };
        Self { run_id: run_id.into(), resumes: None, intents: AtomicU32::new(0), inner: Mutex::new(inner) }
    }

    /// A journal on an existing file, without a head.
    #[cfg(test)]
    pub(crate) fn onto(path: Utf8PathBuf) -> Self {
        let journal = Self::discarding("test");
        let file = OpenOptions::new().append(true).open(&path).expect("tests name files that are there");
        journal.lock().sink = Sink::File { path, file };
        journal
    }

    /// The run's identifier.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The run that this one goes on with.
    pub fn resumes(&self) -> Option<&str> {
        self.resumes.as_deref()
    }

    /// The next number for an outward effect.
    pub fn next_intent(&self) -> IntentId {
        self.intents.fetch_add(1, Ordering::SeqCst)
    }

    /// Every record that was appended by this process.
    pub fn records(&self) -> Vec<Record> {
        self.lock().records.clone()
    }

    /// Appends one record; durable when it returns if the record's kind asks for it.
    ///
    /// After a failed write nothing more is taken: a later line would stand behind a torn one.
    pub fn append(&self, record: &Record) -> Result<(), JournalError> {
        let mut inner = self.lock();
        if let Sink::Broken { path } = &inner.sink {
            return Err(JournalError::Broken { path: path.clone() });
        }
        inner.claim(record)?;
        let legal = inner.state.apply(record);
        if let Sink::File { .. } = inner.sink {
            legal?;
        }
        if let Sink::File { path, file } = &mut inner.sink
            && let Err(source) = write(file, record)
        {
            let path = path.clone();
            inner.sink = Sink::Broken { path: path.clone() };
            return Err(JournalError::Io { path, source });
        }
        inner.release(record);
        inner.records.push(record.clone());
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held cannot have left half a line: the write is the last thing that can fail.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Notes who writes which file, or says who else does so right now.
    fn claim(&mut self, record: &Record) -> Result<(), JournalError> {
        let (phase, paths): (&String, Vec<&Utf8PathBuf>) = match record {
            Record::Scratch { phase, path } => (phase, vec![path]),
            Record::Sealed { phase, files } => (phase, files.iter().map(|file| &file.path).collect()),
            _ => return Ok(()),
        };
        for path in paths {
            let holder = self.claims.entry(path.clone()).or_insert_with(|| phase.clone());
            if holder != phase {
                let status = self.state.phases.get(holder).copied().unwrap_or_default();
                if status.going_on() {
                    let (path, phase, holder) = (path.clone(), phase.clone(), holder.clone());
                    return Err(JournalError::Claimed { path, phase, holder });
                }
                holder.clone_from(phase);
            }
        }
        Ok(())
    }

    fn release(&mut self, record: &Record) {
        if let Record::Finished { phase, .. } | Record::RolledBack { phase } = record {
            self.claims.retain(|_, holder| holder != phase);
        }
    }
}

fn write(file: &mut File, record: &Record) -> io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    file.write_all(&line)?;
    if durable(record) { file.sync_data() } else { Ok(()) }
}

/// Makes the names of a directory and of all above it durable, as far as they may be opened.
fn sync_names(place: &Utf8Path) -> io::Result<()> {
    for above in place.ancestors().filter(|above| !above.as_str().is_empty()) {
        match File::open(above).and_then(|dir| dir.sync_all()) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && above != place => {}
            other => other?,
        }
    }
    Ok(())
}

/// The runs under `dir`, newest first, by number and identifier.
pub(crate) fn run_ids(dir: &Utf8Path) -> Result<Vec<(u64, String)>, JournalError> {
    let runs = dir.join(RUNS);
    let failed = |source| JournalError::Read { path: runs.clone(), source };
    let entries = match fs::read_dir(&runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut ids = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let number = |name: &str| name.split_once('-').and_then(|(number, _)| number.parse().ok());
        ids.extend(name.to_str().and_then(|name| Some((number(name)?, name.to_owned()))));
    }
    ids.sort_unstable_by(|one, other| other.cmp(one));
    Ok(ids)
}

pub(crate) const RUNS: &str = "runs";
pub(crate) const FILE: &str = "journal.jsonl";

#[cfg(test)]
mod tests;
