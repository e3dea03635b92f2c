//! The barrier in front of everything that is not a file: files are published and the intent is durable before it happens.

use std::future::Future;
use std::sync::Arc;

use kubewright_engine::{Effect, EffectLog, Failure};

use crate::NodeSession;
use crate::files::FileSession;

/// Performs outward effects for one phase, each written down before and after.
#[derive(Clone)]
pub(crate) struct Outward {
    files: Arc<dyn FileSession>,
    log: EffectLog,
}

impl Outward {
    pub(crate) fn of(session: &NodeSession) -> Self {
        Self { files: Arc::clone(&session.files), log: session.log.clone() }
    }

    /// Tells of a change that is part of one which was performed.
    pub(crate) fn tell(&self, effect: Effect) {
        self.log.changed(effect);
    }

    /// Publishes the phase's files, makes the intent durable, does it, and writes down how it ended.
    pub(crate) async fn perform<T, E: Into<Failure>>(
        &self,
        effect: Effect,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        self.files.publish()?;
        let intent = self.log.intend(&effect)?;
        let result = work.await;
        self.log.settle(intent, result.is_ok())?;
        let value = result.map_err(Into::into)?;
        self.log.changed(effect);
        Ok(value)
    }
}
