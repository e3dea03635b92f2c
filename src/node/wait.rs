//! Waiting with a deadline: short looks at first, then backing off, and in the end the last cause by name.

use std::future::Future;
use std::time::{Duration, Instant};

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
    look: impl FnMut() -> F,
) -> Result<T, Failure> {
    let waiting = report.waiting(what, limit);
    look_until(waiting.what(), limit, |cause| waiting.still(cause), look).await
}

/// The same for who has no voice, such as the load of a value.
pub async fn wait_unseen<T, F: Future<Output = Result<Attempt<T>, Failure>>>(
    what: &str,
    limit: Duration,
    look: impl FnMut() -> F,
) -> Result<T, Failure> {
    look_until(what, limit, |_| {}, look).await
}

async fn look_until<T, F: Future<Output = Result<Attempt<T>, Failure>>>(
    what: &str,
    limit: Duration,
    still: impl Fn(Option<String>),
    mut look: impl FnMut() -> F,
) -> Result<T, Failure> {
    let start = Instant::now();
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_factor(1.5)
        .without_max_times();
    let mut cause = None;
    for pause in pauses.build() {
        let left = limit.saturating_sub(start.elapsed());
        // A look that hangs must not outlive the wait, but one that begins late still gets a moment.
        match tokio::time::timeout(left.max(LONGEST_PAUSE), look()).await {
            Ok(Ok(Attempt::Done(value))) => return Ok(value),
            Ok(Ok(Attempt::NotYet(why))) => cause = Some(why),
            Ok(Err(failure)) => return Err(failure),
            Err(_) => cause = cause.or_else(|| Some("no answer".into())),
        }
        still(cause.clone());
        if start.elapsed() + pause >= limit {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    let seconds = limit.as_secs_f64();
    let failure = Failure::new(cause.unwrap_or_else(|| "it never answered".into()))
        .context(format!("timed out after {seconds} s waiting for {what}"));
    Err(failure.kind(FailureKind::Deadline))
}
