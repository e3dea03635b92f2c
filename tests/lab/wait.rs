//! Waiting for something with a deadline, and telling the cause when it passes.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{LabError, Result},
    program::indented,
    say,
};

/// What a look at the thing waited for gave.
pub(crate) enum Look {
    /// It happened.
    Done,
    /// Not yet, and this is how it stands.
    NotYet(String),
}

/// Looks again and again until it is done; says every ten seconds how it stands.
///
/// `cause` is asked only when the deadline passes.
pub(crate) fn until(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Look>,
    cause: impl FnOnce() -> String,
) -> Result<()> {
    let start = Instant::now();
    let mut said = start;
    loop {
        let standing = match look()? {
            Look::Done => return Ok(()),
            Look::NotYet(standing) => standing,
        };
        if start.elapsed() >= limit {
            let cause = format!("{}{}", indented(&standing), indented(&cause()));
            return Err(LabError::Deadline { what: what.to_owned(), after: limit, cause });
        }
        if said.elapsed() >= Duration::from_secs(10) {
            said = Instant::now();
            let first = standing.lines().next().unwrap_or_default();
            say::step(&format!("still waiting for {what} ({} s): {first}", start.elapsed().as_secs()));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_deadline_tells_what_how_it_stood_and_why() {
        let look = || Ok(Look::NotYet("node1 NotReady".to_owned()));
        let error = until("the node", Duration::ZERO, look, || "kubelet.log\nno cni".to_owned()).unwrap_err();
        let want = "waited 0 s for the node, and it did not happen\n  node1 NotReady\n  kubelet.log\n  no cni";
        assert_eq!(error.to_string(), want);
    }
}
