//! What stands for a version in `kubernetesVersion`: the version itself, a label, or a build of the project's CI.
//!
//! kubeadm asks the network what a label means, for up to 10 s, and takes its own version if nobody answers. Here the
//! table of versions answers.

use super::KubernetesVersion;
use crate::versions;

/// A version that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The exact version.
    pub version: KubernetesVersion,
    /// Whether it is a build of the project's CI, whose images are in another registry.
    pub ci: bool,
    /// Whether a label was resolved.
    pub label: bool,
}

/// Text that stands for no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version {text:?}: {reason}; {fix}")]
pub struct UnknownLabel {
    text: String,
    reason: String,
    fix: String,
}

/// Reads a version or a label, as `kubernetesVersion` takes them.
///
/// # Errors
/// What is wrong, and the fix.
pub fn resolve_version(text: &str) -> Result<KubernetesVersion, UnknownLabel> {
    let asked = resolve(text).map_err(|(reason, fix)| UnknownLabel { text: text.to_owned(), reason, fix });
    asked.map(|asked| asked.version)
}

/// Reads a version with or without `v`, a label, and either after `release/`; or an exact build after `ci/`.
///
/// # Errors
/// What is wrong, and the fix.
pub(crate) fn resolve(text: &str) -> Result<Asked, (String, String)> {
    let (ci, name) = match text.split_once('/') {
        Some(("release", name)) => (false, name),
        Some(("ci", name)) => (true, name),
        Some(_) | None => (false, text),
    };
    if let Ok(version) = name.parse() {
        return Ok(Asked { version, ci, label: false });
    }
    let newest = versions::default_version();
    let Some(label) = name.strip_prefix("stable").or_else(|| name.strip_prefix("latest")) else {
        return Err(unknown(name));
    };
    if ci {
        let reason = "what CI built last is known to the network only, which is not asked".to_owned();
        return Err((reason, "name the build, such as ci/v1.37.0-alpha.1.10+0123456789abcd".to_owned()));
    }
    let version = match label {
        "" | "-1" => Some(newest),
        _ => label.strip_prefix("-1.").and_then(minor).and_then(versions::newest_release),
    };
    match version {
        Some(version) => Ok(Asked { version, ci, label: true }),
        None => Err(unknown(name)),
    }
}

/// Parses a minor; kubeadm's pattern has one or two digits, the first not zero.
fn minor(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !text.starts_with('0')).then(|| text.parse().ok()).flatten()
}

fn unknown(name: &str) -> (String, String) {
    let given = name.strip_prefix('v').unwrap_or(name).strip_prefix("1.").and_then(minor);
    let fix = match given.and_then(versions::newest_release) {
        Some(newest) => format!("write {newest}, or stable-1.{}", newest.minor()),
        None => format!(
            "for example {0}, or stable-1.{1}",
            versions::default_version(),
            versions::default_version().minor()
        ),
    };
    ("neither a version nor a label that we know".to_owned(), fix)
}

#[cfg(test)]
mod tests;
