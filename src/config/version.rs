//! Kubernetes versions as people, files and images write them.

pub(crate) mod label;

use std::fmt;
use std::str::FromStr;

use semver::Version;

/// An exact version of Kubernetes, such as `v1.36.2` or `v1.37.0-rc.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion(Version);

impl KubernetesVersion {
    /// Makes a released version from its three numbers.
    pub fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(Version::new(major, minor, patch))
    }

    /// Returns the major number.
    pub fn major(&self) -> u64 {
        self.0.major
    }

    /// Returns the minor number.
    pub fn minor(&self) -> u64 {
        self.0.minor
    }

    /// Returns the patch number.
    pub fn patch(&self) -> u64 {
        self.0.patch
    }

    /// Returns the tag of this version's images: `v1.36.2`, with `_` for what a tag cannot hold.
    pub fn image_tag(&self) -> String {
        let keep = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        self.to_string().chars().map(keep).collect()
    }

    /// Returns the version in the form that can be compared.
    pub fn semver(&self) -> &Version {
        &self.0
    }
}

impl fmt::Display for KubernetesVersion {
    /// Writes the version with its `v`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// The text is no exact version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version such as v1.36.2")]
pub struct VersionError {
    text: String,
}

impl FromStr for KubernetesVersion {
    type Err = VersionError;

    /// Takes `X.Y.Z` with or without `v`, a pre-release and build metadata.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        Version::parse(bare).map(Self).map_err(|_| VersionError { text: text.to_owned() })
    }
}

/// Reads a version from an image's tag or a program's answer: two or three numbers, an optional `v`, and whatever
/// follows (`3.6.8-0`, `v3.5.24`, `3.4.13-0-amd64`). What follows the numbers does not count.
pub(crate) fn loose(text: &str) -> Option<Version> {
    let bare = text.trim().strip_prefix('v').unwrap_or(text.trim());
    let end = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
    let mut numbers = bare[..end].split('.').map(str::parse::<u64>);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let patch = numbers.next().map_or(Ok(0), |patch| patch).ok()?;
    Some(Version::new(major, minor, patch))
}

#[cfg(test)]
mod tests;
