//! Events as traces, for those who asked with `-v` what the program does inside.

use std::io;

use kubewright_engine::{Event, EventKind, Outcome, PhaseInfo, Renderer};

/// Tells what was decided about each phase, when it began and how it ended, and every change that it made.
pub struct Traces;

impl Renderer for Traces {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::RunStarted { workflow, run, phases, .. } => {
                tracing::info!("[{workflow}] run {run}");
                for PhaseInfo { path, step, why, .. } in phases {
                    match why.as_deref() {
                        None => tracing::info!("[{workflow}] plan: {step} {path}"),
                        // With a single phase that is all the others.
                        Some("not selected") if step == "leave" => {
                            tracing::debug!("[{workflow}] plan: leave {path}: not selected");
                        }
                        Some(why) => tracing::info!("[{workflow}] plan: {step} {path}: {why}"),
                    }
                }
            }
            EventKind::PhaseStarted { phase } => tracing::info!("[{phase}] begins"),
            // That was said with the plan.
            EventKind::PhaseFinished { outcome: Outcome::Left, .. } => {}
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
