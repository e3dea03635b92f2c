//! Why a phase failed, what caused it, and what the user can do next.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::effect::Standing;

/// What kind of failure it is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailureKind {
    /// Anything without a kind of its own.
    #[default]
    Other,
    /// The node does not meet a requirement.
    Preflight,
    /// The input is wrong.
    Validation,
    /// The user, or a signal, stopped the run.
    Cancelled,
    /// A wait reached its deadline.
    Deadline,
    /// What was begun failed, and the state before it is back and works.
    WentBack,
    /// What was begun failed, and so did going back to the state before it.
    Stuck,
}

/// A failure with its cause, the context it went through and hints for the user.
pub struct Failure {
    kind: FailureKind,
    context: Vec<String>,
    source: Box<dyn Error + Send + Sync>,
    hints: Vec<String>,
    /// Behind a pointer, so that a failure stays small: hardly any has some.
    standing: Arc<Vec<Standing>>,
}

impl Failure {
    /// Makes a failure from a sentence: lower case, no full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self::caused_by(message.into().into())
    }

    fn caused_by(source: Box<dyn Error + Send + Sync>) -> Self {
        let (context, hints, standing) = Default::default();
        Self { kind: FailureKind::Other, context, source, hints, standing }
    }

    /// Says what we were doing; the newest context is printed first.
    #[must_use]
    pub fn context(mut self, doing: impl Into<String>) -> Self {
        self.context.push(doing.into());
        self
    }

    /// Adds one thing that the user can run or change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Sets the kind.
    #[must_use]
    pub fn kind(mut self, kind: FailureKind) -> Self {
        self.kind = kind;
        self
    }

    /// Says which outward effects of the phase stand in spite of the failure.
    #[must_use]
    pub(crate) fn with_standing(mut self, standing: Vec<Standing>) -> Self {
        self.standing = Arc::new(standing);
        self
    }

    /// The outward effects that stand in spite of the failure, in order.
    pub fn standing(&self) -> &[Standing] {
        &self.standing
    }

    /// What kind of failure it is.
    pub fn get_kind(&self) -> FailureKind {
        self.kind
    }

    /// What the user can run or change, in order.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The cause of this type, wherever it is in the chain.
    pub fn cause<T: Error + 'static>(&self) -> Option<&T> {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&*self.source);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }

    /// Every link from the outermost context to the first cause.
    pub fn chain(&self) -> Vec<String> {
        let mut links: Vec<String> = self.context.iter().rev().cloned().collect();
        let mut cause: Option<&(dyn Error + 'static)> = Some(&*self.source);
        while let Some(error) = cause {
            links.push(error.to_string());
            cause = error.source();
        }
        links
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain().join(": "))
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::caused_by(Box::new(error))
    }
}

/// Adds context, hints and a kind to whatever can fail.
pub trait FailureContext<T> {
    /// Says what we were doing.
    fn context(self, doing: impl Into<String>) -> Result<T, Failure>;
    /// Adds one thing that the user can run or change.
    fn hint(self, hint: impl Into<String>) -> Result<T, Failure>;
    /// Sets the kind.
    fn kind(self, kind: FailureKind) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> FailureContext<T> for Result<T, E> {
    fn context(self, doing: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| error.into().context(doing))
    }

    fn hint(self, hint: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| error.into().hint(hint))
    }

    fn kind(self, kind: FailureKind) -> Result<T, Failure> {
        self.map_err(|error| error.into().kind(kind))
    }
}
