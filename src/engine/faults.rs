//! Faults that tests ask for: a phase that fails, a phase that runs twice, a place to be killed at. None by default.

use std::fmt;
use std::sync::Arc;

use crate::failure::Failure;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The phase fails before it does anything.
    FailBefore(String),
    /// The phase fails after all of its work, before that becomes final.
    FailAfter(String),
    /// The phase runs twice, and fails if the second time changes anything.
    Repeat(String),
    /// The phase cannot write down one of the things that it is about to do.
    FailRecord {
        /// The phase.
        phase: String,
        /// Which of its records fails, counting from 1.
        nth: usize,
    },
}

/// All faults of a run; cheap to clone.
#[derive(Clone, Default)]
pub struct Faults {
    faults: Arc<Vec<Fault>>,
    at: Option<Arc<Stop>>,
}

type Stop = dyn Fn(&str) + Send + Sync;

impl Faults {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds one.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        Arc::make_mut(&mut self.faults).push(fault);
        self
    }

    /// Calls `stop` at every checkpoint, with its name; it may park or end the process.
    #[must_use]
    pub fn on_checkpoint(mut self, stop: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.at = Some(Arc::new(stop));
        self
    }

    /// Passes a place where a test may end the process, named `<phase>:<what was just done>`.
    pub fn checkpoint(&self, name: &str) {
        if let Some(stop) = &self.at {
            stop(name);
        }
    }

    /// Reads one fault as a flag gives it: `fail-before=PHASE`, `fail-after=PHASE`, `repeat=PHASE`, `fail-record=PHASE:N`.
    pub fn parse(spec: &str) -> Result<Fault, Failure> {
        let wrong = || {
            Failure::new(format!("`{spec}` is no fault"))
                .hint("write `fail-before=PHASE`, `fail-after=PHASE`, `repeat=PHASE` or `fail-record=PHASE:N`")
        };
        let (kind, phase) = spec.split_once('=').ok_or_else(wrong)?;
        match kind {
            "fail-before" => Ok(Fault::FailBefore(phase.into())),
            "fail-after" => Ok(Fault::FailAfter(phase.into())),
            "repeat" => Ok(Fault::Repeat(phase.into())),
            "fail-record" => {
                let (phase, nth) = phase.rsplit_once(':').ok_or_else(wrong)?;
                Ok(Fault::FailRecord { phase: phase.into(), nth: nth.parse().map_err(|_| wrong())? })
            }
            _ => Err(wrong()),
        }
    }

    pub(crate) fn fail_before(&self, phase: &str) -> Result<(), Failure> {
        match self.faults.iter().any(|fault| matches!(fault, Fault::FailBefore(at) if at == phase)) {
            true => Err(Failure::new(format!("injected fault before `{phase}`"))),
            false => Ok(()),
        }
    }

    pub(crate) fn fail_after(&self, phase: &str) -> Result<(), Failure> {
        match self.faults.iter().any(|fault| matches!(fault, Fault::FailAfter(at) if at == phase)) {
            true => Err(Failure::new(format!("injected fault after `{phase}`"))),
            false => Ok(()),
        }
    }

    pub(crate) fn repeats(&self, phase: &str) -> bool {
        self.faults.iter().any(|fault| matches!(fault, Fault::Repeat(at) if at == phase))
    }

    pub(crate) fn fails_record(&self, phase: &str, record: usize) -> bool {
        let hit =
            |fault: &Fault| matches!(fault, Fault::FailRecord { phase: at, nth } if at == phase && *nth == record);
        self.faults.iter().any(hit)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("faults", &self.faults).field("checkpoints", &self.at.is_some()).finish()
    }
}
