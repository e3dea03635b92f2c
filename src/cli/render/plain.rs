//! kubeadm's lines, in kubeadm's order: phases that run at the same time do not mix, because scripts read this.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use kubewright_engine::{Event, EventKind, Renderer};

use crate::program;

use super::{dry_line, note_line, phase_error, standing_line, write_failure};

/// One line, and where it goes.
enum Line {
    Out(String),
    Err(String),
}

/// Holds back what a phase says until all phases before it have ended; the first of them speaks at once.
pub struct Plain<O, E> {
    out: O,
    err: E,
    order: Vec<String>,
    held: HashMap<String, Vec<Line>>,
    ended: HashSet<String>,
    next: usize,
    dry_run: bool,
    /// By phase, for what it waits, and after how many milliseconds that is told next.
    waits: HashMap<String, (String, u64)>,
}

/// A wait that is over by then is not worth a line. After that, each is told when it has lasted twice as long.
const PATIENCE_MS: u64 = 10_000;

impl<O: Write + Send, E: Write + Send> Plain<O, E> {
    /// Writes progress and data to `out`, warnings and errors to `err`.
    pub fn new(out: O, err: E) -> Self {
        let (held, ended, waits) = (HashMap::new(), HashSet::new(), HashMap::new());
        Self { out, err, order: Vec::new(), held, ended, next: 0, dry_run: false, waits }
    }

    /// Says now and then that somebody waits, at once and on `err`: who reads a log must not take it for a hang.
    fn still_waiting(
        &mut self,
        phase: &str,
        what: &str,
        waited: u64,
        limit: u64,
        cause: Option<&str>,
    ) -> io::Result<()> {
        let (known, next) = self.waits.entry(phase.to_owned()).or_insert_with(|| (what.to_owned(), PATIENCE_MS));
        if known != what {
            (*known, *next) = (what.to_owned(), PATIENCE_MS);
        }
        if waited < *next {
            return Ok(());
        }
        *next = waited * 2;
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        let (waited, limit) = (waited / 1000, limit / 1000);
        self.write(Line::Err(format!("[{phase}] Still waiting for {what} ({waited} of {limit} s){cause}\n")))
    }

    fn say(&mut self, phase: &str, line: Line) -> io::Result<()> {
        if self.order.get(self.next).is_none_or(|first| first == phase) {
            return self.write(line);
        }
        self.held.entry(phase.to_owned()).or_default().push(line);
        Ok(())
    }

    fn write(&mut self, line: Line) -> io::Result<()> {
        match line {
            Line::Out(text) => self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()),
            Line::Err(text) => self.err.write_all(text.as_bytes()),
        }
    }

    /// Moves on past phases that have ended, and lets the next one say what it held back.
    fn advance(&mut self) -> io::Result<()> {
        while let Some(phase) = self.order.get(self.next).cloned() {
            for line in self.held.remove(&phase).unwrap_or_default() {
                self.write(line)?;
            }
            if !self.ended.contains(&phase) {
                break;
            }
            self.next += 1;
        }
        Ok(())
    }
}

impl<O: Write + Send, E: Write + Send> Renderer for Plain<O, E> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::RunStarted { phases, dry_run, resumes, .. } => {
                self.order = phases.iter().map(|phase| phase.path.clone()).collect();
                self.dry_run = *dry_run;
                if let Some(run) = resumes {
                    let finished = phases.iter().filter(|phase| phase.finished).map(|phase| phase.path.as_str());
                    let finished: Vec<_> = finished.collect();
                    let text =
                        format!("[resume] Going on with the run {run}; finished already: {}\n", finished.join(", "));
                    self.write(Line::Out(text))?;
                }
                Ok(())
            }
            EventKind::Note { phase, tag, text } => self.say(phase, Line::Out(note_line(tag, text) + "\n")),
            EventKind::Output { phase, text } => self.say(phase, Line::Out(text.clone())),
            EventKind::Warning { phase, text } => self.say(phase, Line::Err(format!("{}\n", program::speak(text)))),
            EventKind::Effect { phase, .. } if self.dry_run => match dry_line(&event.kind) {
                Some(line) => self.say(phase, Line::Out(line + "\n")),
                None => Ok(()),
            },
            EventKind::Waiting { phase, what, waited_ms, limit_ms, cause } => {
                self.still_waiting(phase, what, *waited_ms, *limit_ms, cause.as_deref())
            }
            EventKind::PhaseFinished { phase, .. } => {
                self.ended.insert(phase.clone());
                self.advance()
            }
            EventKind::PhaseFailed { phase, error, hints, standing } => {
                let mut text = Vec::new();
                write_failure(&mut text, &phase_error(phase, error), &standing_line(standing), hints)?;
                self.say(phase, Line::Err(String::from_utf8_lossy(&text).into_owned()))?;
                self.ended.insert(phase.clone());
                self.advance()
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        for phase in std::mem::take(&mut self.order) {
            for line in self.held.remove(&phase).unwrap_or_default() {
                self.write(line)?;
            }
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
