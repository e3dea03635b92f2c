//! The voice of a phase: what it tells the user while it works.

use std::time::{Duration, Instant};

use crate::event::{EventKind, Events, millis};

/// The handle through which one phase speaks.
#[derive(Clone)]
pub struct Report {
    phase: &'static str,
    events: Events,
}

impl Report {
    /// Makes the voice of one phase.
    pub fn new(phase: &'static str, events: Events) -> Self {
        Self { phase, events }
    }

    /// Says a line; scripts may read it, so it is worded as kubeadm words it. The plain renderer prints `[tag] text`.
    pub fn note(&self, tag: &str, text: impl Into<String>) {
        self.events.send(EventKind::Note { phase: self.phase.into(), tag: tag.into(), text: text.into() });
    }

    /// Whether this is the first phase of the run that has something to say under this word: several may find the same.
    pub fn first(&self, word: &'static str) -> bool {
        self.events.first(word)
    }

    /// Says what the user should know but what stops nothing.
    pub fn warn(&self, text: impl Into<String>) {
        self.events.send(EventKind::Warning { phase: self.phase.into(), text: text.into() });
    }

    /// Gives data that the user asked for; it goes to standard output as it is.
    pub fn output(&self, text: impl Into<String>) {
        self.events.send(EventKind::Output { phase: self.phase.into(), text: text.into() });
    }

    /// Tells how far a longer piece of work is.
    pub fn progress(&self, what: &str, done: u64, total: Option<u64>, unit: &str) {
        let (what, unit) = (what.into(), unit.into());
        self.events.send(EventKind::Progress { phase: self.phase.into(), what, done, total, unit });
    }

    /// Begins a wait; tell it about every look.
    pub fn waiting(&self, what: impl Into<String>, limit: Duration) -> Waiting {
        let waiting = Waiting { report: self.clone(), what: what.into(), limit, start: Instant::now() };
        waiting.still(None);
        waiting
    }
}

/// A wait that goes on.
pub struct Waiting {
    report: Report,
    what: String,
    limit: Duration,
    start: Instant,
}

impl Waiting {
    /// Says that it is not there yet, and why as far as is known.
    pub fn still(&self, cause: Option<String>) {
        self.report.events.send(EventKind::Waiting {
            phase: self.report.phase.into(),
            what: self.what.clone(),
            waited_ms: millis(self.start.elapsed()),
            limit_ms: millis(self.limit),
            cause,
        });
    }

    /// What is waited for.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// How long it may take in all.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// How long it has taken.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
