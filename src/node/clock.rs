//! The time of day, so that tests can choose it.

use std::sync::Arc;

use kubewright_engine::Capability;
use time::OffsetDateTime;

use crate::{Node, NodeSession};

/// Where the time comes from.
pub trait ClockBackend: Send + Sync {
    /// The time now, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
pub struct SystemClock;

impl ClockBackend for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// The power to ask for the time.
pub struct Clock(Arc<dyn ClockBackend>);

impl Capability<Node> for Clock {
    const NAME: &'static str = "clock";

    fn of(session: &NodeSession) -> Self {
        Self(Arc::clone(&session.backends.clock))
    }
}

impl Clock {
    /// The time now, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        self.0.now()
    }
}
