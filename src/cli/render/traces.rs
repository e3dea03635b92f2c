//! Events as traces, for those who asked with `-v` what the program does inside.

use std::io;

use kubewright_engine::{Event, EventKind, Renderer};

/// Tells what was decided about each phase, when it began and how it ended, and every change that it made.
pub struct Traces;

impl Renderer for Traces {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::RunStarted { workflow, run, phases, .. } => {
                tracing::info!("[{workflow}] run {run}");
                for phase in phases {
                    let why = phase.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                    tracing::info!("[{workflow}] plan: {} {}{why}", phase.step, phase.path);
                }
            }
            EventKind::PhaseStarted { phase } => tracing::info!("[{phase}] begins"),
            EventKind::PhaseFinished { phase, outcome } => {
                tracing::info!("[{phase}] {outcome:?} after {} milliseconds of the run", event.elapsed_ms);
            }
            EventKind::Effect { phase, effect } => {
                tracing::debug!("[{phase}] {} {}", effect.action, effect.object);
            }
            EventKind::Waiting { phase, what, waited_ms, cause, .. } => {
                let cause = cause.as_deref().map(|cause| format!(": {cause}")).unwrap_or_default();
                tracing::debug!("[{phase}] waiting for {what} since {waited_ms} milliseconds{cause}");
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
