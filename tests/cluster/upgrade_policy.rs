//! Which upgrades are allowed, beside the peer, on a table of versions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kubewright_lab::Node;

use super::other_versions::{OtherVersions, Standing, View, at_once, even, with};
use super::stage::said;

/// The flags that policy looks at.
const FORCE: &str = "--force";
const CANDIDATES: &str = "--allow-release-candidate-upgrades";
const EXPERIMENTS: &str = "--allow-experimental-upgrades";

/// Every rule of the policy at its border, where a kubeadm of 1.20.2 is the one to ask. What it says only of its own version does
/// not count.
const PAIRS: &[(Standing, &[&str], &[&str])] = &[
    // The same version again, patch releases up and down, with or without the letter, and with a build.
    (even("v1.20.2"), &["v1.20.2", "v1.20.1", "v1.20.0", "v1.20.3", "v1.20.15", "1.20.2", "v1.20.2+build.5"], &[""]),
    (even("v1.20.2"), &["v1.20.1"], &[FORCE]),
    (even("v1.20.0"), &["v1.20.2", "v1.20.0"], &[""]),
    (even("v1.20.15"), &["v1.20.2"], &[""]),
    (even("v1.20.0-rc.1"), &["v1.20.2"], &[""]),
    (even("v1.20.2+build.5"), &["v1.20.2"], &[""]),
    // Two minors up and down, and more.
    (even("v1.20.2"), &["v1.22.0", "v1.22.17", "v1.30.4", "v1.36.2"], &["", FORCE]),
    (even("v1.22.0"), &["v1.20.2"], &["", FORCE]),
    (even("v1.23.17"), &["v1.20.2"], &[""]),
    // Pre-releases of the cluster's own version, of the next patch release, of the next minor, and of the one after that.
    (
        even("v1.20.2"),
        &["v1.20.2-rc.0", "v1.20.2-beta.1", "v1.20.0-alpha.1", "v1.20.3-rc.0", "v1.21.0-rc.1", "v1.21.0-beta.1"],
        &["", FORCE, CANDIDATES, EXPERIMENTS],
    ),
    (even("v1.20.2"), &["v1.21.0-alpha.1"], &["", EXPERIMENTS]),
    (even("v1.20.2"), &["v1.22.0-rc.1", "v1.22.0-alpha.1"], &["", FORCE, CANDIDATES, EXPERIMENTS]),
    // Kubelets may be one minor behind, and nobody asks how far ahead.
    (with("v1.20.2", "v1.19.0"), &["v1.20.2", "v1.20.3"], &[""]),
    (with("v1.20.2", "v1.18.20"), &["v1.20.2"], &["", FORCE]),
    (with("v1.20.2", "v1.18.0-rc.1"), &["v1.20.3"], &[""]),
    (Standing { cluster: "v1.20.2", kubelets: ["v1.18.2", "v1.17.0"] }, &["v1.20.2"], &["", FORCE]),
    (with("v1.20.2", "v1.17.0"), &["v1.20.2-beta.1"], &["", EXPERIMENTS]),
    (with("v1.20.2", "v1.18.0"), &["v1.22.0"], &[""]),
    (with("v1.20.2", "v1.21.0"), &["v1.20.2"], &[""]),
    (with("v1.20.2", "nonsense"), &["v1.20.2"], &["", FORCE]),
    // What is no version, and labels.
    (
        even("v1.20.2"),
        &["v1.20", "1.20", "20", "abc", "v1.20.3.4", "v1.20.x", "v01.20.2", "v1.20.2-", "stable-1.20x", "v1"],
        &[""],
    ),
    (even("v1.20.2"), &["stable-1.20", "latest-1.20"], &[""]),
];

/// Where the programs decide differently: what the peer says, what ours does, and the words of docs/parity.md that say why.
const OTHERWISE: &[(Standing, &str, &str, Policy, Policy, &str)] = &[
    (even("v1.20.2"), "v1.21.0", "", Policy::Refused, Policy::Allowed, "any target but of its own minor"),
    (even("v1.20.2"), "v1.21.14", FORCE, Policy::Refused, Policy::Allowed, "any target but of its own minor"),
    (even("v1.21.0"), "v1.20.2", "", Policy::Allowed, Policy::NeedsForce, "a downgrade by one minor must be forced"),
    (even("v1.21.0"), "v1.20.2", FORCE, Policy::Allowed, Policy::Forced, "a downgrade by one minor must be forced"),
    (even("v1.22.0"), "v1.20.2-rc.0", "", Policy::NeedsForce, Policy::Refused, "1.20: a pre-release two minors below"),
    (even("v1.19.16"), "v1.20.2", "", Policy::Allowed, Policy::Unusable, "1.20: clusters of 1.19"),
    (even("v1.20.2"), "v1.19.16", "", Policy::NeedsForce, Policy::Refused, "1.20: clusters of 1.19"),
    (even("v1.20.2"), "v1.18.20", "", Policy::Unusable, Policy::Refused, "a target below the minor before its own"),
];

/// Compares what both programs decide, which changes nothing.
pub fn agrees_with_the_peer(node: &Node, cluster: &OtherVersions<'_>) {
    let begun = Instant::now();
    let mut cases = Vec::new();
    for (standing, targets, flags) in PAIRS {
        for target in *targets {
            cases.extend(flags.iter().map(|flags| Case { standing: *standing, target, flags }));
        }
    }
    let alike = cases.len();
    cases.extend(OTHERWISE.iter().map(|(standing, target, flags, ..)| Case { standing: *standing, target, flags }));
    for minor in [19, 21, 22, 23] {
        // The kubelets' configuration of that minor, which both programs read.
        let script = format!(
            "kubectl -n kube-system get configmap kubelet-config-1.20 -o 'jsonpath={{.data.kubelet}}' \
             | kubectl -n kube-system create configmap kubelet-config-1.{minor} --from-file=kubelet=/dev/stdin"
        );
        node.run(["sh", "-c", &script]).unwrap();
    }
    let ours = "kubewright upgrade apply phase preflight";
    let decisions = at_once(&cases, |case| {
        let view = cluster.view(case.standing);
        (decision(&view, case, ours), decision(&view, case, "kubeadm upgrade apply"))
    });

    let mut counts: BTreeMap<Policy, usize> = BTreeMap::new();
    let (alike, otherwise) = decisions.split_at(alike);
    for (case, (ours, peers)) in cases.iter().zip(alike) {
        assert_eq!(*ours, peers.of_any_version(), "{case:?}: ours, and then the peer's");
        *counts.entry(ours.policy).or_default() += 1;
    }
    let parity = include_str!("../../docs/parity.md");
    for ((.., peers, ours, why), decided) in OTHERWISE.iter().zip(otherwise) {
        assert_eq!((&decided.0.policy, &decided.1.policy), (ours, peers), "{why}: {decided:?}");
        assert!(parity.contains(why), "docs/parity.md does not say why: {why}");
    }
    let (seconds, otherwise) = (begun.elapsed().as_secs_f64(), otherwise.len());
    println!("policy beside the peer's: {counts:?} agree, {otherwise} differ as they must, in {seconds:.1} s");
}

/// One upgrade.
#[derive(Clone, Copy, Debug)]
struct Case {
    standing: Standing,
    target: &'static str,
    flags: &'static str,
}

/// What stands before the reasons, in both programs.
const FATAL: &str = "invalid due to these fatal errors:";
const SKIPPABLE: &str = "invalid due to these errors:";
const SKIPPED: &str = "but skipping since the --force flag is set:";

/// What a program decides.
fn decision(view: &View<'_>, case: &Case, command: &str) -> Decision {
    let Case { standing, target, flags } = case;
    let command = format!("{command} {target} {flags} --dry-run --ignore-preflight-errors=all");
    let ended = view.run(&command);
    let told = said(&ended);
    let (policy, head) = match &told {
        told if told.contains(FATAL) => (Policy::Refused, FATAL),
        told if told.contains(SKIPPABLE) => (Policy::NeedsForce, SKIPPABLE),
        told if told.contains(SKIPPED) => (Policy::Forced, SKIPPED),
        _ if ended.status.success() => return Decision::of(Policy::Allowed),
        told => {
            assert!(told.contains(target) || told.contains(standing.cluster), "{command}:\n{told}");
            return Decision::of(Policy::Unusable);
        }
    };
    let (_, list) = told.split_once(head).unwrap();
    let reasons = list.lines().skip(1).skip_while(|line| line.is_empty()).map_while(|line| line.strip_prefix("\t- "));
    Decision { policy, reasons: reasons.map(sorted).collect() }
}

/// What becomes of an upgrade that policy decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Policy {
    Allowed,
    NeedsForce,
    Forced,
    Refused,
    /// The target is no version, or one that the program cannot use at all; or the cluster's is.
    Unusable,
}

/// What a program decides, and for which reasons.
#[derive(Clone, Debug, PartialEq)]
struct Decision {
    policy: Policy,
    reasons: BTreeSet<String>,
}

impl Decision {
    fn of(policy: Policy) -> Self {
        Self { policy, reasons: BTreeSet::new() }
    }

    /// Without what a program says of its own version.
    fn of_any_version(&self) -> Self {
        let mut decision = self.clone();
        let own = ["than the kubeadm minor release", "than the kubeadm version", "Kubeadm version"];
        decision.reasons.retain(|reason| !own.iter().any(|words| reason.contains(words)));
        match decision.policy {
            Policy::NeedsForce | Policy::Forced if decision.reasons.is_empty() => Self::of(Policy::Allowed),
            _ => decision,
        }
    }
}

/// A reason with its list of versions in order; the peer's are in any.
fn sorted(reason: &str) -> String {
    let Some((words, list)) = reason.strip_suffix(']').and_then(|reason| reason.split_once('[')) else {
        return reason.to_owned();
    };
    let mut versions: Vec<_> = list.split(' ').collect();
    versions.sort_unstable();
    format!("{words}[{}]", versions.join(" "))
}
