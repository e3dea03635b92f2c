//! How strictly a file is read; the flags of each command decide it.

/// How a user's file is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// Unknown and repeated fields and unknown documents are errors; commands only warn of them otherwise.
    pub strict: bool,
    /// A deprecated API version is not worth a warning.
    pub allow_deprecated: bool,
}
