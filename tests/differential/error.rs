//! What can go wrong before there is anything to compare.

use std::{io, path::Path};

use thiserror::Error;

/// This crate's result.
pub type Result<T, E = DifferentialError> = std::result::Result<T, E>;

/// Why the comparison could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DifferentialError {
    /// A file or directory could not be read, written or made.
    #[error("cannot {doing} `{path}`")]
    File {
        /// The verb.
        doing: &'static str,
        /// What it was done to.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of cases, of allowed differences or a recording is not what it should be.
    #[error("{what}: {why}")]
    Data {
        /// The file, or the case in it.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// The sealed environment could not be made, or the program in it could not be run.
    #[error("cannot run the case `{case}`: {why}")]
    Sandbox {
        /// Its name.
        case: String,
        /// What was said.
        why: String,
    },
}

impl DifferentialError {
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { doing, path, source }
    }

    pub(crate) fn data(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Data { what: what.into(), why: why.to_string() }
    }
}
