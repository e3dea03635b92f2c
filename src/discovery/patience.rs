//! Looking again until it is there: soon at first, then every few seconds, never longer than the user allows.

use std::future::Future;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use kubewright_engine::Report;

use crate::DiscoveryError;

/// The first pause between two looks.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause; kubeadm always waits this long. A cluster that is being made has many nodes that ask.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What one look found.
pub(crate) enum Look<T> {
    /// It is there.
    Done(T),
    /// It is not, which waiting may change.
    NotYet(Missing),
}

/// What is missing, and what the user can do if it stays so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) cause: String,
    pub(crate) hint: String,
}

/// Looks until it is there, a look fails for good, or `limit` is over. `what` completes "timed out waiting for …".
pub(crate) async fn look_for<T, F: Future<Output = Result<Look<T>, DiscoveryError>>>(
    report: Option<&Report>,
    what: String,
    limit: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T, DiscoveryError> {
    let start = Instant::now();
    let waiting = report.map(|report| report.waiting(what.as_str(), limit));
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_factor(1.6)
        .without_max_times();
    let mut missing = Missing {
        cause: "no answer".into(),
        hint: "see whether this machine can reach the server, and whether a firewall stands between them".into(),
    };
    for pause in pauses.build() {
        let left = limit.saturating_sub(start.elapsed());
        // A look that begins late still gets a moment.
        match tokio::time::timeout(left.max(FIRST_PAUSE), look()).await {
            Ok(Ok(Look::Done(value))) => return Ok(value),
            Ok(Ok(Look::NotYet(now))) => missing = now,
            Ok(Err(error)) => return Err(error),
            Err(_) => {}
        }
        if let Some(waiting) = &waiting {
            waiting.still(Some(missing.cause.clone()));
        }
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            break;
        }
        // The last look is at the very end: the signature may come during the longest pause.
        tokio::time::sleep(pause.min(left)).await;
    }
    Err(DiscoveryError::Deadline { what, limit, cause: missing.cause, hint: missing.hint })
}
