//! Secret text inside kubeconfigs, and where a kubeconfig keeps a credential.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Text that is wiped when dropped and that `Debug` does not show.
///
/// It serializes in clear, since that is how it gets into the one file that it is for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes over the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Shows the text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Serialize for SecretText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Where a kubeconfig keeps a certificate or a key.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// In the kubeconfig itself; decoded, usually PEM.
    Inline(Zeroizing<Vec<u8>>),
    /// In a file, whose path may be relative to the kubeconfig's directory.
    File(String),
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => formatter.write_str("Inline([redacted])"),
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
        }
    }
}
