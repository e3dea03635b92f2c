//! A release of Kubernetes, as far as cases and differences speak of it.

use std::{fmt, str::FromStr};

use crate::error::DifferentialError;

/// A release, such as v1.20.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// 20 in v1.20.2.
    pub minor: u16,
    /// 2 in v1.20.2.
    pub patch: u16,
}

impl FromStr for Release {
    type Err = DifferentialError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.strip_prefix("v1.").and_then(|rest| rest.split_once('.'));
        let parsed =
            parts.and_then(|(minor, patch)| Some(Self { minor: minor.parse().ok()?, patch: patch.parse().ok()? }));
        parsed.ok_or_else(|| DifferentialError::data(text, "not a release such as `v1.20.2`"))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1.{}.{}", self.minor, self.patch)
    }
}

impl Release {
    /// Whether a case or an allowed difference that names minors is about this one; naming none is naming all.
    pub(crate) fn is_among(self, minors: &[String]) -> bool {
        minors.is_empty() || minors.iter().any(|minor| *minor == format!("1.{}", self.minor))
    }
}
