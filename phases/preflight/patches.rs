//! Ours: a patch that cannot be read must be known before anything is changed.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject, errors, fix_of};
use crate::patching;

/// The check `Patches`.
pub struct Patches;

#[async_trait]
impl Check for Patches {
    fn about(&self) -> &'static str {
        "Find patches that can be read"
    }

    fn why(&self) -> &'static str {
        "A patch is applied when its file is written, and by then much has been changed."
    }

    fn fix(&self) -> &'static str {
        "mend the named patch, or its directory"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["Patches"])
    }

    fn ours(&self) -> bool {
        true
    }

    fn rank(&self) -> u16 {
        340
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        match patching::look(subject.init, subject.facts, subject.probe) {
            Ok(()) => Vec::new(),
            Err(failure) => vec![Finding::error("Patches", failure.to_string(), fix_of(&failure, self.fix()))],
        }
    }
}
