//! Which versions a cluster may be upgraded to: kubeadm's policy, rule by rule and in its words (`phases/upgrade/policy.go`).
//!
//! kubeadm is built for one minor and holds the target against its own version. This is one program for all minors that
//! its table knows, so it counts as the kubeadm of the newer of the cluster's and the target's minor. What follows from
//! that, and the rules that are ours, stand in docs/parity.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::VersionFacts;
use crate::version::KubernetesVersion;
use crate::versions;

/// How many minors an upgrade may go up, or down, at a time.
const MINORS_AT_A_TIME: u64 = 1;

/// The versions that a cluster has before it is upgraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What the API server that was asked says of itself.
    pub cluster: KubernetesVersion,
    /// The API server of each control-plane node, by the node's name; those whose version is not known are left out.
    pub api_servers: BTreeMap<String, KubernetesVersion>,
    /// The versions of the kubelets as their nodes tell them; `None` if the nodes could not be listed.
    pub kubelets: Option<BTreeSet<String>>,
}

/// Which pre-releases the user allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// `--allow-experimental-upgrades`: any.
    pub experimental: bool,
    /// `--allow-release-candidate-upgrades`: those that begin with `rc`.
    pub release_candidates: bool,
}

/// What speaks against an upgrade.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skew {
    /// What nothing gets over.
    pub mandatory: Vec<String>,
    /// What `--force` gets over.
    pub skippable: Vec<String>,
    /// What is only told.
    pub warnings: Vec<String>,
}

impl Skew {
    /// What is said of a refused upgrade; `None` if it may go on.
    pub fn refusal(&self, force: bool) -> Option<String> {
        if !self.mandatory.is_empty() {
            return Some(format!(
                "the version argument is invalid due to these fatal errors:\n\n{}\nPlease fix the misalignments \
                 highlighted above and try upgrading again",
                listed(&self.mandatory)
            ));
        }
        if self.skippable.is_empty() || force {
            return None;
        }
        Some(format!(
            "the version argument is invalid due to these errors:\n\n{}\nCan be bypassed if you pass the --force flag",
            listed(&self.skippable)
        ))
    }

    /// What is said of an upgrade that goes on because it is forced; `None` if there is nothing to force.
    pub fn forced(&self) -> Option<String> {
        let count = self.skippable.len();
        (count > 0).then(|| {
            format!(
                "Found {count} potential version compatibility errors but skipping since the --force flag is set: \n\n{}",
                listed(&self.skippable)
            )
        })
    }
}

fn listed(errors: &[String]) -> String {
    errors.iter().map(|error| format!("\t- {error}\n")).collect()
}

/// Holds an upgrade against the policy.
pub fn judge(standing: &Standing, target: &KubernetesVersion, allowed: Allowed) -> Skew {
    let mut skew = Skew::default();
    if standing.kubelets.is_none() {
        skew.skippable.push("Unable to fetch kubelet version: couldn't list all nodes in cluster".to_owned());
    }
    let released = target.semver().pre.is_empty();
    let from = standing.cluster.minor();
    let Some(facts) = known(target, &mut skew) else { return skew };
    let of_kind = |skew: &mut Skew, text| if released { skew.mandatory.push(text) } else { skew.skippable.push(text) };
    if target.minor() > from + MINORS_AT_A_TIME {
        let text = format!(
            "Specified version to upgrade to \"{target}\" is too high; kubeadm can upgrade only {MINORS_AT_A_TIME} minor \
             version at a time"
        );
        of_kind(&mut skew, text);
    }
    if target.minor() + MINORS_AT_A_TIME < from {
        let text = format!(
            "Specified version to downgrade to \"{target}\" is too low; kubeadm can downgrade only {MINORS_AT_A_TIME} \
             minor version at a time"
        );
        of_kind(&mut skew, text);
    } else if target.minor() < from {
        // kubeadm says so of itself, since it cannot be older than the cluster that it reads.
        skew.skippable.push(format!(
            "Specified version to downgrade to \"{target}\" is a minor version below that of the cluster, \"{}\"",
            standing.cluster
        ));
    }
    skew.skippable.extend(unstable(target, allowed));
    skew.skippable.extend(standing.kubelets.as_ref().and_then(|kubelets| too_old(kubelets, target, &facts)));
    skew.skippable.extend(apart(standing, target));
    skew.warnings.extend(newer_kubelets(standing, target));
    skew
}

/// The facts of a version that we can install; says why there are none.
fn known(target: &KubernetesVersion, skew: &mut Skew) -> Option<VersionFacts> {
    let (oldest, newest) = (versions::known_minors().min()?, versions::known_minors().max()?);
    if target.major() == 1 && target.minor() < oldest || target.major() < 1 {
        skew.mandatory.push(format!(
            "Specified version to upgrade to \"{target}\" is equal to or lower than the minimum supported version \
             \"v1.{oldest}.0\". Please specify a higher version to upgrade to"
        ));
        return None;
    }
    let Ok(facts) = versions::facts_for(target) else {
        skew.mandatory.push(format!(
            "Specified version to upgrade to \"{target}\" is at least one minor release higher than the kubeadm minor \
             release ({} > {newest}). Such an upgrade is not supported",
            target.minor()
        ));
        return None;
    };
    if let Some(newest) = versions::newest_release(target.minor()).filter(|newest| target.patch() > newest.patch()) {
        skew.warnings.push(format!(
            "{target} is newer than {newest}, the newest release of its minor that this version of kubewright knows; \
             images other than Kubernetes' own are those of {newest}"
        ));
    }
    Some(facts)
}

fn unstable(target: &KubernetesVersion, allowed: Allowed) -> Option<String> {
    let pre = target.semver().pre.as_str();
    let fine = pre.is_empty() || allowed.experimental || (pre.starts_with("rc") && allowed.release_candidates);
    (!fine).then(|| {
        format!(
            "Specified version to upgrade to \"{target}\" is an unstable version and such upgrades weren't allowed via \
             setting the --allow-*-upgrades flags"
        )
    })
}

fn too_old(kubelets: &BTreeSet<String>, target: &KubernetesVersion, facts: &VersionFacts) -> Option<String> {
    let mut old = Vec::new();
    for text in kubelets {
        let Ok(kubelet) = text.parse::<KubernetesVersion>() else {
            return Some(format!("couldn't parse kubelet version {text}"));
        };
        if target.minor() > kubelet.minor() + facts.preflight.kubelet_minors_behind {
            old.push(text.as_str());
        }
    }
    let count = old.len();
    (count > 0).then(|| {
        format!("There are kubelets in this cluster that are too old that have these versions [{}]", old.join(" "))
    })
}

/// API servers of one cluster may be one minor apart, and an upgrade changes one of them at a time.
fn apart(standing: &Standing, target: &KubernetesVersion) -> Vec<String> {
    let far = |server: &KubernetesVersion| server.minor().abs_diff(target.minor()) > MINORS_AT_A_TIME;
    // That of the cluster itself is told already.
    let others = standing.api_servers.iter().filter(|(_, version)| version.minor() != standing.cluster.minor());
    others
        .filter(|(_, version)| far(version))
        .map(|(node, version)| {
            format!(
                "kube-apiserver of the node \"{node}\" is {version}, and API servers of one cluster may be one minor \
                 version apart; run 'kubewright upgrade node' there first"
            )
        })
        .collect()
}

fn newer_kubelets(standing: &Standing, target: &KubernetesVersion) -> Option<String> {
    let parsed = |text: &&String| text.parse::<KubernetesVersion>().ok();
    let newer = |text: &&String| parsed(text).is_some_and(|kubelet| kubelet.minor() > target.minor());
    let texts: Vec<_> = standing.kubelets.iter().flatten().filter(newer).map(String::as_str).collect();
    (!texts.is_empty()).then(|| {
        format!("a kubelet must not be newer than the API server, and would be with {target}: {}", texts.join(", "))
    })
}

#[cfg(test)]
mod tests;
