//! The run on a terminal: a line a phase as it ends, and below them what is going on.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kubewright_engine::{Event, EventKind, Outcome, Renderer};

use crate::program;

use super::{dry_line, note_line, phase_error, standing_line, write_failure};

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Draws on the terminal behind standard error; data that was asked for goes to standard output in the end.
pub struct Pretty {
    bars: MultiProgress,
    running: HashMap<String, ProgressBar>,
    data: Vec<String>,
    dry_run: bool,
}

impl Pretty {
    /// Draws nothing until the first event.
    pub fn new() -> Self {
        Self { bars: MultiProgress::new(), running: HashMap::new(), data: Vec::new(), dry_run: false }
    }

    fn line(&self, text: &str) -> io::Result<()> {
        self.bars.println(text)
    }

    fn end(&mut self, phase: &str) {
        if let Some(bar) = self.running.remove(phase) {
            bar.finish_and_clear();
        }
    }

    fn tell(&self, phase: &str, text: String) {
        if let Some(bar) = self.running.get(phase) {
            bar.set_message(text);
        }
    }
}

impl Renderer for Pretty {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::RunStarted { dry_run, resumes, .. } => {
                self.dry_run = *dry_run;
                match resumes {
                    Some(run) => self.line(&format!("going on with the run {run}")),
                    None => Ok(()),
                }
            }
            EventKind::PhaseStarted { phase } => {
                let bar = self.bars.add(ProgressBar::new_spinner());
                let style = ProgressStyle::with_template("{spinner} {prefix} {wide_msg}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                bar.set_prefix(phase.clone());
                bar.enable_steady_tick(TICK);
                self.running.insert(phase.clone(), bar);
                Ok(())
            }
            EventKind::Note { phase, tag, text } if phase.is_empty() => self.line(&note_line(tag, text)),
            EventKind::Note { phase, tag, text } => {
                self.tell(phase, note_line(tag, text));
                Ok(())
            }
            EventKind::Waiting { phase, what, waited_ms, limit_ms, cause } => {
                let (waited, limit) = (waited_ms / 1000, limit_ms / 1000);
                let cause = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
                self.tell(phase, format!("waiting for {what} ({waited} of {limit} s){cause}"));
                Ok(())
            }
            EventKind::Progress { phase, what, done, total, unit } => {
                let total = total.map(|total| format!(" of {total}")).unwrap_or_default();
                self.tell(phase, format!("{what} ({done}{total} {unit})"));
                Ok(())
            }
            EventKind::Effect { .. } if self.dry_run => match dry_line(&event.kind) {
                Some(line) => self.line(&line),
                None => Ok(()),
            },
            EventKind::Warning { text, .. } => self.line(&format!("! {}", program::speak(text.trim()))),
            EventKind::Output { text, .. } => {
                self.data.push(text.clone());
                Ok(())
            }
            EventKind::PhaseFinished { phase, outcome } => {
                self.end(phase);
                match outcome {
                    Outcome::Changed => self.line(&format!("✓ {phase}")),
                    Outcome::Unchanged => self.line(&format!("✓ {phase} (nothing to do)")),
                    Outcome::Loaded => self.line(&format!("· {phase} (finished before)")),
                    Outcome::Left => Ok(()),
                }
            }
            EventKind::PhaseFailed { phase, error, hints, standing } => {
                self.end(phase);
                let mut text = Vec::new();
                write_failure(&mut text, &phase_error(phase, error), &standing_line(standing), hints)?;
                self.line(String::from_utf8_lossy(&text).trim_end())
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        for (_, bar) in self.running.drain() {
            bar.finish_and_clear();
        }
        let mut out = io::stdout();
        self.data.iter().try_for_each(|text| out.write_all(text.as_bytes()))
    }
}
