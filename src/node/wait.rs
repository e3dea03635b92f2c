//! Waiting with a deadline: short looks at first, then backing off, and in the end the last cause by name.

use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use kubewright_engine::{Failure, FailureKind, Report};

/// The first pause between two looks.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two looks; kubeadm always waits this long.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What one look found.
pub enum Attempt<T> {
    /// It is there.
    Done(T),
    /// It is not; the cause, as far as is known.
    NotYet(String),
}

/// Looks until it is there, a look fails for good, or `limit` is over. `what` completes "timed out waiting for …".
pub async fn wait_for<T, F: Future<Output = Result<Attempt<T>, Failure>>>(
    report: &Report,
    what: impl Into<String>,
    limit: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T, Failure> {
    let waiting = report.waiting(what, limit);
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_factor(1.5)
        .without_max_times();
    let mut cause = None;
    for pause in pauses.build() {
        let left = limit.saturating_sub(waiting.elapsed());
        // A look that hangs must not outlive the wait, but one that begins late still gets a moment.
        match tokio::time::timeout(left.max(LONGEST_PAUSE), look()).await {
            Ok(Ok(Attempt::Done(value))) => return Ok(value),
            Ok(Ok(Attempt::NotYet(why))) => cause = Some(why),
            Ok(Err(failure)) => return Err(failure),
            Err(_) => cause = cause.or_else(|| Some("no answer".into())),
        }
        waiting.still(cause.clone());
        if waiting.elapsed() + pause >= limit {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    let seconds = limit.as_secs_f64();
    let failure = Failure::new(cause.unwrap_or_else(|| "it never answered".into()))
        .context(format!("timed out after {seconds} s waiting for {}", waiting.what()));
    Err(failure.kind(FailureKind::Deadline))
}
