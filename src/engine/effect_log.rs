//! Where a session writes down what it does: in the journal for recovery, and as events for who watches.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8Path;

use crate::effect::{Effect, FileChange, Standing};
use crate::event::{EventKind, Events};
use crate::faults::Faults;
use crate::journal::{IntentId, Journal, JournalError, Record};

/// Where one phase's session writes down what it is about to do and has done. Clones share one count.
#[derive(Clone)]
pub struct EffectLog {
    phase: &'static str,
    journal: Arc<Journal>,
    events: Events,
    faults: Faults,
    changes: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    outward: Arc<Mutex<Outward>>,
}

/// Outward effects in their order, and how each ended as far as that is known.
type Outward = BTreeMap<IntentId, (Effect, Option<bool>)>;

impl EffectLog {
    /// Opens the log of one phase.
    pub fn new(phase: &'static str, journal: Arc<Journal>, events: Events) -> Self {
        let (changes, calls, outward) = Default::default();
        Self { phase, journal, events, faults: Faults::none(), changes, calls, outward }
    }

    /// Lets faults strike here.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// The phase that this log belongs to, such as `certs/ca`.
    pub fn phase(&self) -> &'static str {
        self.phase
    }

    /// The run's identifier, which names temporary files.
    pub fn run_id(&self) -> &str {
        self.journal.run_id()
    }

    /// How many changes were told so far.
    pub fn changes(&self) -> usize {
        self.changes.load(Ordering::SeqCst)
    }

    /// Passes a place where a test may end the process: `<phase>:<name>`. Call it around every step that a killed process
    /// could leave half done; the log's own records have theirs.
    pub fn checkpoint(&self, name: &str) {
        self.faults.checkpoint(&format!("{}:{name}", self.phase));
    }

    /// Notes a temporary file before it is made, so that recovery knows where to sweep.
    ///
    /// Fails with [`JournalError::Claimed`] when another phase that is going on writes the same file.
    pub fn scratch(&self, path: &Utf8Path) -> Result<(), JournalError> {
        self.append(&Record::Scratch { phase: self.phase.into(), path: path.to_owned() })?;
        self.checkpoint("scratch");
        Ok(())
    }

    /// Promises that every staged byte is durable: from here on recovery rolls forward. Durable when it returns.
    ///
    /// Fails with [`JournalError::Claimed`] when another phase that is going on writes one of the files.
    pub fn sealed(&self, files: &[FileChange]) -> Result<(), JournalError> {
        self.checkpoint("seal");
        self.append(&Record::Sealed { phase: self.phase.into(), files: files.to_vec() })?;
        self.checkpoint("sealed");
        Ok(())
    }

    /// Writes down an outward effect before it happens. Durable when it returns.
    pub fn intend(&self, effect: &Effect) -> Result<IntentId, JournalError> {
        let id = self.journal.next_intent();
        self.append(&Record::Intended { phase: self.phase.into(), id, effect: effect.clone() })?;
        self.outward.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (effect.clone(), None));
        self.checkpoint("intended");
        Ok(id)
    }

    /// Writes down how an outward effect ended.
    pub fn settle(&self, id: IntentId, ok: bool) -> Result<(), JournalError> {
        self.checkpoint("settle");
        if let Some((_, settled)) = self.outward.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&id) {
            *settled = Some(ok);
        }
        self.append(&Record::Settled { id, ok })?;
        self.checkpoint("settled");
        Ok(())
    }

    /// Tells everybody who watches that something was changed. The runner counts these: a phase without any is "unchanged".
    pub fn changed(&self, effect: Effect) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.events.send(EventKind::Effect { phase: self.phase.into(), effect });
    }

    /// The outward effects so far: they stand, whatever becomes of the phase. Of those that are not sure nobody knows
    /// whether they happened.
    pub fn standing(&self) -> Vec<Standing> {
        let outward = self.outward.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = |(effect, settled): &(Effect, Option<bool>)| Standing {
            phase: self.phase.into(),
            effect: effect.clone(),
            sure: *settled == Some(true),
        };
        outward.values().map(standing).collect()
    }

    fn append(&self, record: &Record) -> Result<(), JournalError> {
        let nth = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if self.faults.fails_record(self.phase, nth) {
            return Err(JournalError::Injected { phase: self.phase.into(), nth });
        }
        self.journal.append(record)
    }
}
