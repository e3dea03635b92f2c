//! Everything that follows writes to system directories.

use async_trait::async_trait;

use crate::checks::{Check, Finding, Subject};

/// The check `IsPrivilegedUser`.
pub struct IsPrivilegedUser;

#[async_trait]
impl Check for IsPrivilegedUser {
    fn about(&self) -> &'static str {
        "Run as root"
    }

    fn rank(&self) -> u16 {
        0
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        if subject.probe.effective_uid() == 0 {
            return Vec::new();
        }
        vec![Finding::error("IsPrivilegedUser", "user is not running as root", "run the same command with sudo")]
    }
}
