//! What the engine asks of the layer that changes things: a read-only view, and one session for each phase.

use std::future::Future;

use crate::effect_log::EffectLog;
use crate::failure::Failure;

/// The node and the cluster as phases meet them: live, dry, or made up for a test.
pub trait World: Send + Sync + 'static {
    /// Read-only sight, for loading what an earlier run made.
    type View: Send + Sync;
    /// All that one phase changes.
    type Session: Session;

    /// Gives the read-only sight.
    fn view(&self) -> &Self::View;

    /// Opens the session of one phase; the log already knows which.
    fn begin(&self, log: EffectLog) -> Self::Session;
}

/// The changes of one phase, kept or taken back as a whole.
pub trait Session: Send + Sync + 'static {
    /// Makes the changes final and closes the session.
    fn commit(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Whether what is promised is half in place, so that there is no way back: the disk failed between two renames.
    fn halfway(&self) -> bool {
        false
    }

    /// Takes back what was not made final and closes the session; late calls of a cancelled phase then fail.
    fn roll_back(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}
