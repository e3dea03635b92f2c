//! Ours: a patch that cannot be read must be known before anything is changed.

use async_trait::async_trait;

use crate::checks::{Check, Finding, Subject};
use crate::patching;

/// The check `Patches`.
pub struct Patches;

#[async_trait]
impl Check for Patches {
    fn about(&self) -> &'static str {
        "Find patches that can be read"
    }

    fn rank(&self) -> u16 {
        340
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        match patching::look(subject.init, subject.facts, subject.probe) {
            Ok(()) => Vec::new(),
            Err(failure) => vec![Finding::error("Patches", failure.to_string(), failure.hints().join("; "))],
        }
    }
}
