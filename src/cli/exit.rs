//! Why the program ends, and with which code.

use std::error::Error;

use kubewright_config::ConfigErrors;
use kubewright_engine::{Failure, FailureKind};

/// The code of everything that has none of its own.
const FAILED: u8 = 1;
/// As shells tell that SIGINT ended a program.
const CANCELLED: u8 = 130;
/// An upgrade failed, and the old state is back and works.
const WENT_BACK: u8 = 4;
/// An upgrade failed, and so did going back.
const STUCK: u8 = 5;

/// An end that is not success.
pub struct Exit {
    /// The process's exit code.
    pub code: u8,
    /// What is still to be told; `None` when it was told already.
    pub failure: Option<Failure>,
}

impl Exit {
    /// Ends because of an error that was not told yet.
    pub fn of(error: impl Error + Send + Sync + 'static) -> Self {
        Self::from(Failure::from(error))
    }

    /// Ends with a sentence.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::from(Failure::new(message))
    }

    /// Ends because of a failure that the renderer has told.
    pub fn told(kind: FailureKind) -> Self {
        Self { code: code(kind), failure: None }
    }
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        Self { code: code(failure.get_kind()), failure: Some(failure) }
    }
}

impl From<ConfigErrors> for Exit {
    fn from(errors: ConfigErrors) -> Self {
        Self::from(Failure::from(errors).kind(FailureKind::Validation))
    }
}

/// kubeadm had 2 for preflight and 3 for validation until 1.33; from 1.34 every error is 1, and so it is here.
fn code(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Cancelled => CANCELLED,
        FailureKind::WentBack => WENT_BACK,
        FailureKind::Stuck => STUCK,
        FailureKind::Preflight | FailureKind::Validation | FailureKind::Deadline | FailureKind::Other => FAILED,
    }
}
