//! The exit codes of commands that look at certificates. Called as kubeadm there are only 0 and 1.

use kubewright_engine::{Failure, FailureKind};
use kubewright_phases::renewal::Expiry;
use time::{Duration, OffsetDateTime};

use crate::exit::Exit;
use crate::program;
use crate::render::say;

/// A certificate has expired.
pub const EXPIRED: u8 = 10;
/// A certificate expires soon.
pub const EXPIRING: u8 = 11;
/// A certificate was not renewed, or is not in use.
pub const NOT_RENEWED: u8 = 12;

/// How soon is soon, unless a flag says otherwise.
pub const SOON: Duration = Duration::days(30);

/// Whether all certificates hold for long enough.
pub fn of(expiry: &Expiry, now: OffsetDateTime, within: Duration) -> Result<(), Exit> {
    if program::is_kubeadm() {
        return Ok(());
    }
    let expired = expiry.ending(now, Duration::ZERO);
    if !expired.is_empty() {
        say(&format!("expired: {}", expired.join(", ")));
        return Err(Exit { code: EXPIRED, failure: None });
    }
    let ending = expiry.ending(now, within);
    if !ending.is_empty() {
        say(&format!("less than {} days left: {}", within.whole_days(), ending.join(", ")));
        return Err(Exit { code: EXPIRING, failure: None });
    }
    Ok(())
}

/// The end of a run that did not do all of it; who stopped it knows that.
pub fn not_renewed(exit: Exit) -> Exit {
    let stopped = Exit::told(FailureKind::Cancelled).code;
    match program::is_kubeadm() || exit.code == stopped {
        true => exit,
        false => Exit { code: NOT_RENEWED, ..exit },
    }
}

/// Reads a span of time: days, or what Go calls a duration.
pub fn span(text: &str) -> Result<std::time::Duration, String> {
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        return Ok(std::time::Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    }
    kubewright_config::parse_duration(text).map_err(|error| format!("{error}; for example 30d or 720h"))
}

/// A span in the terms of the clock.
pub fn in_days(span: std::time::Duration) -> Result<Duration, Failure> {
    Duration::try_from(span).map_err(|_| Failure::new("the time that certificates are to hold is too long"))
}
