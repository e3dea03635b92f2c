//! What can go wrong in the lab. Every message names the thing, and a wait also says what the thing last said.

use std::{io, path::Path, time::Duration};

use thiserror::Error;

/// The lab's result.
pub type Result<T, E = LabError> = std::result::Result<T, E>;

/// Why the lab could not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// A file or directory could not be read, written, made or removed.
    #[error("cannot {doing} `{path}`")]
    File {
        /// The verb: "read", "write", "remove".
        doing: &'static str,
        /// What it was done to.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start `{line}`")]
    Start {
        /// The command line.
        line: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("`{line}` failed with {status}{output}")]
    Command {
        /// The command line.
        line: String,
        /// Its exit status, in words.
        status: String,
        /// The end of what it printed, on lines of its own; empty when the terminal has already shown it.
        output: String,
    },
    /// Something did not happen in time.
    #[error("waited {} s for {what}, and it did not happen{cause}", after.as_secs())]
    Deadline {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
        /// What is known about the cause, on lines of its own.
        cause: String,
    },
    /// Something that the lab needs is not there, or is not fit for use.
    #[error("{what}: {hint}")]
    Missing {
        /// What is missing.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// One or more checks of `lab test` failed; they have already been shown.
    #[error("{failed} of {total} checks failed")]
    Checks {
        /// How many failed.
        failed: usize,
        /// Out of how many.
        total: usize,
    },
}

impl LabError {
    /// Says what was being done to which path; for `map_err`.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { doing, path, source }
    }

    /// Names something absent, and the way out.
    pub(crate) fn missing(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Missing { what: what.into(), hint: hint.into() }
    }
}
