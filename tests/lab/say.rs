//! What the lab tells its user. Talk goes to stderr, so that stdout is only what was asked for.

use std::io::{self, Write};

/// Says one line of progress.
pub(crate) fn step(text: &str) {
    // A closed terminal is no reason to stop half-way.
    let _ = writeln!(io::stderr(), "lab: {text}");
}

/// Prints one line of the answer.
pub(crate) fn answer(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
