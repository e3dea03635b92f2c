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
    let from = standing.cluster.minor();
    let facts = match versions::facts_for(target) {
        Ok(facts) => facts,
        Err(_) => return Skew { skippable: skew.skippable, ..unknown(target).unwrap_or_default() },
    };
    skew.warnings.extend(newer_than_the_table(target));
    if target.minor() > from + MINORS_AT_A_TIME {
        let text = format!(
            "Specified version to upgrade to \"{target}\" is too high; kubeadm can upgrade only {MINORS_AT_A_TIME} minor \
             version at a time"
        );
        let released = target.semver().pre.is_empty();
        if released { skew.mandatory.push(text) } else { skew.skippable.push(text) }
    }
    // The kubeadm of the cluster's own minor takes nothing below the minor before it, pre-releases of that one's .0 included.
    let lowest = KubernetesVersion::new(target.major(), from.saturating_sub(MINORS_AT_A_TIME), 0);
    if target.minor() < lowest.minor() {
        skew.mandatory.push(format!(
            "Specified version to downgrade to \"{target}\" is too low; kubeadm can downgrade only {MINORS_AT_A_TIME} \
             minor version at a time"
        ));
    } else if *target < lowest {
        skew.mandatory.push(too_low(target, &lowest));
    } else if target.minor() < from {
        // kubeadm says so of its own version.
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

/// What speaks against a version whatever the cluster has: that the table does not know its minor. `None` if it does.
pub fn unknown(target: &KubernetesVersion) -> Option<Skew> {
    if versions::facts_for(target).is_ok() {
        return None;
    }
    let (oldest, newest) = (versions::known_minors().min()?, versions::known_minors().max()?);
    let reason = if target.major() < 1 || target.major() == 1 && target.minor() < oldest {
        too_low(target, &KubernetesVersion::new(1, oldest, 0))
    } else {
        format!(
            "Specified version to upgrade to \"{target}\" is at least one minor release higher than the kubeadm minor \
             release ({} > {newest}). Such an upgrade is not supported",
            target.minor()
        )
    };
    Some(Skew { mandatory: vec![reason], ..Skew::default() })
}

fn too_low(target: &KubernetesVersion, lowest: &KubernetesVersion) -> String {
    format!(
        "Specified version to upgrade to \"{target}\" is equal to or lower than the minimum supported version \
         \"{lowest}\". Please specify a higher version to upgrade to"
    )
}

fn newer_than_the_table(target: &KubernetesVersion) -> Option<String> {
    let newest = versions::newest_release(target.minor()).filter(|newest| target.patch() > newest.patch())?;
    Some(format!(
        "{target} is newer than {newest}, the newest release of its minor that this version of kubewright knows; images \
         other than Kubernetes' own are those of {newest}"
    ))
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
