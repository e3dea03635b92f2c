//! Upgrades over several minors, one after the other: the way from one version to another, and what `--through` names.
//! Ours; kubeadm has one program for each minor.

use crate::images::etcd_release;
use crate::skew::{self, Allowed, Skew, Standing};
use crate::version::{KubernetesVersion, label};
use crate::versions;

/// The first etcd from which the way to 3.6 is safe: older ones may leave members that 3.6 does not know.
const BEFORE_ETCD_3_6: semver::Version = semver::Version::new(3, 5, 24);
const ETCD_3_6: semver::Version = semver::Version::new(3, 6, 0);

/// What is wrong with the versions of `--through`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// One is no version, and no label that we know.
    #[error("`{text}` in --through: {reason}; {fix}")]
    Version {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
        /// What to write.
        fix: String,
    },
    /// They do not rise.
    #[error("{later} comes after {earlier} in --through and is not newer")]
    Order {
        /// The one that comes first.
        earlier: KubernetesVersion,
        /// The one that follows.
        later: KubernetesVersion,
    },
    /// There is none.
    #[error("--through names no version")]
    Empty,
}

/// One upgrade of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The version it ends at.
    pub target: KubernetesVersion,
    /// What speaks against it when all before it are done, and kubelets are as they are now.
    pub skew: Skew,
    /// The oldest minor that kubelets may have before it.
    pub oldest_kubelet: u64,
}

/// Reads the versions of `--through`, with the command's argument as the last one if it is not that already.
///
/// # Errors
/// One cannot be read, or they do not rise.
pub fn parse(through: &[String], target: Option<&str>) -> Result<Vec<KubernetesVersion>, ChainError> {
    let mut versions: Vec<KubernetesVersion> = Vec::new();
    let named = through.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    for text in named.chain(target) {
        let version = label::resolve(text)
            .map_err(|(reason, fix)| ChainError::Version { text: text.to_owned(), reason, fix })?
            .version;
        match versions.last() {
            Some(last) if *last == version && target == Some(text) => {}
            Some(last) if *last >= version => {
                return Err(ChainError::Order { earlier: last.clone(), later: version });
            }
            _ => versions.push(version),
        }
    }
    if versions.is_empty() { Err(ChainError::Empty) } else { Ok(versions) }
}

/// The way to a version: the newest known release of each minor on the way, and then that version. Empty where there is
/// none, because the version is not newer.
pub fn path(from: &KubernetesVersion, to: &KubernetesVersion) -> Vec<KubernetesVersion> {
    if to <= from || from.major() != to.major() {
        return Vec::new();
    }
    let between = (from.minor() + 1..to.minor()).filter_map(versions::newest_release);
    between.chain([to.clone()]).collect()
}

/// The steps that a cluster of this version still has before it. One that stands at the first of several has done that.
pub fn ahead<'a>(cluster: &KubernetesVersion, steps: &'a [KubernetesVersion]) -> &'a [KubernetesVersion] {
    match steps.iter().rposition(|step| step <= cluster) {
        // The last one is done again when it is asked for again, as a single upgrade is.
        Some(done) if done + 1 == steps.len() => &steps[done..],
        Some(done) => &steps[done + 1..],
        None => steps,
    }
}

/// A step that was not held against the policy.
pub fn unjudged(target: KubernetesVersion) -> Step {
    let behind = versions::facts_for(&target).map_or(0, |facts| facts.preflight.kubelet_minors_behind);
    let oldest_kubelet = target.minor().saturating_sub(behind);
    Step { target, skew: Skew::default(), oldest_kubelet }
}

/// Holds each step against the policy, as if those before it were done on this node and nothing elsewhere.
pub fn judge(standing: &Standing, own_node: &str, steps: &[KubernetesVersion], allowed: Allowed) -> Vec<Step> {
    let mut standing = standing.clone();
    let mut judged = Vec::with_capacity(steps.len());
    for target in steps {
        let mut skew = skew::judge(&standing, target, allowed);
        skew.warnings.extend(etcd_leap(&standing.cluster, target));
        judged.push(Step { skew, ..unjudged(target.clone()) });
        standing.cluster = target.clone();
        if let Some(version) = standing.api_servers.get_mut(own_node) {
            *version = target.clone();
        }
    }
    judged
}

/// Warns where etcd would go to 3.6 from a release that is too old for it.
fn etcd_leap(from: &KubernetesVersion, to: &KubernetesVersion) -> Option<String> {
    let etcd = |version| versions::facts_for(version).ok().and_then(|facts| etcd_release(&facts.images.etcd));
    let (old, new) = (etcd(from)?, etcd(to)?);
    let leaps = old < BEFORE_ETCD_3_6 && new >= ETCD_3_6;
    let safe = versions::newest_release(from.minor()).filter(|newest| *newest > *from)?;
    leaps.then(|| {
        format!(
            "etcd {old} should become {BEFORE_ETCD_3_6} or newer before it becomes {new}: upgrade to {safe} before {to}"
        )
    })
}

#[cfg(test)]
mod tests;
