#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn version(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

fn standing(cluster: &str, kubelets: &[&str]) -> Standing {
    Standing {
        cluster: version(cluster),
        api_servers: BTreeMap::from([("node1".to_owned(), version(cluster))]),
        kubelets: Some(kubelets.iter().map(|text| (*text).to_owned()).collect()),
    }
}

/// What becomes of a pair of versions.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// It may go on.
    Goes,
    /// It goes on with `--force`; the word that the one reason has.
    Forced(&'static str),
    /// It never goes on.
    Never(&'static str),
}
use Outcome::{Forced, Goes, Never};

/// Every rule at its border: the cluster, its kubelet, the target, and what becomes of it without allowing pre-releases.
/// kubeadm of the newer minor of the two says the same, but for what docs/parity.md names.
const PAIRS: &[(&str, &str, &str, Outcome)] = &[
    // The same version again, and patch releases up and down.
    ("v1.20.2", "v1.20.2", "v1.20.2", Goes),
    ("v1.20.2", "v1.20.2", "v1.20.3", Goes),
    ("v1.20.2", "v1.20.2", "v1.20.15", Goes),
    ("v1.20.3", "v1.20.2", "v1.20.2", Goes),
    ("v1.36.1", "v1.36.1", "v1.36.2", Goes),
    ("v1.36.2", "v1.36.2", "v1.36.0", Goes),
    // A patch release that the table does not know yet.
    ("v1.36.2", "v1.36.2", "v1.36.9", Goes),
    // One minor up is the most.
    ("v1.20.2", "v1.20.2", "v1.21.0", Goes),
    ("v1.35.6", "v1.35.6", "v1.36.2", Goes),
    ("v1.36.2", "v1.36.2", "v1.37.0", Goes),
    ("v1.20.2", "v1.20.2", "v1.22.0", Never("is too high")),
    ("v1.34.0", "v1.34.0", "v1.36.0", Never("is too high")),
    // One minor down must be forced, and is the most.
    ("v1.21.0", "v1.20.2", "v1.20.2", Forced("is a minor version below")),
    ("v1.36.2", "v1.35.6", "v1.35.6", Forced("is a minor version below")),
    ("v1.22.0", "v1.20.2", "v1.20.2", Never("is too low")),
    ("v1.36.0", "v1.34.0", "v1.34.9", Never("is too low")),
    ("v1.36.0", "v1.34.0", "v1.34.9-rc.1", Never("is too low")),
    // A pre-release of the minor before comes before that minor.
    ("v1.36.2", "v1.36.2", "v1.35.0-rc.1", Never("minimum supported version \"v1.35.0\"")),
    // What the table does not know.
    ("v1.20.2", "v1.20.2", "v1.19.16", Never("minimum supported version \"v1.20.0\"")),
    ("v1.37.0", "v1.37.0", "v1.38.0", Never("at least one minor release higher")),
    ("v1.37.0", "v1.37.0", "v2.0.0", Never("at least one minor release higher")),
    // Pre-releases.
    ("v1.35.6", "v1.35.6", "v1.36.0-rc.1", Forced("is an unstable version")),
    ("v1.35.6", "v1.35.6", "v1.36.0-alpha.2", Forced("is an unstable version")),
    ("v1.37.0", "v1.37.0", "v1.38.0-alpha.1", Never("at least one minor release higher")),
    // Kubelets: one minor behind until 1.28, three from 1.29.
    ("v1.21.0", "v1.20.2", "v1.21.5", Goes),
    ("v1.21.0", "v1.20.2", "v1.22.0", Forced("too old that have these versions [v1.20.2]")),
    ("v1.27.0", "v1.26.0", "v1.28.0", Forced("too old that have these versions [v1.26.0]")),
    ("v1.28.0", "v1.26.0", "v1.29.0", Goes),
    ("v1.28.0", "v1.25.0", "v1.29.0", Forced("too old that have these versions [v1.25.0]")),
    ("v1.35.0", "v1.33.0", "v1.36.0", Goes),
    ("v1.35.0", "v1.32.11", "v1.36.0", Forced("too old that have these versions [v1.32.11]")),
    ("v1.35.0", "1.x", "v1.36.0", Forced("couldn't parse kubelet version 1.x")),
];

#[test]
fn pairs_of_versions_are_allowed_or_refused() {
    for (cluster, kubelet, target, expected) in PAIRS {
        let skew = judge(&standing(cluster, &[kubelet]), &version(target), Allowed::default());
        let pair = format!("{cluster} with {kubelet} to {target}: {skew:?}");
        match expected {
            Goes => assert_eq!((skew.mandatory.len(), skew.skippable.len()), (0, 0), "{pair}"),
            Forced(word) => {
                assert_eq!((skew.mandatory.len(), skew.skippable.len()), (0, 1), "{pair}");
                assert!(skew.skippable[0].contains(word), "{pair}");
                assert!(skew.refusal(true).is_none() && skew.refusal(false).is_some() && skew.forced().is_some());
            }
            Never(word) => {
                assert_eq!(skew.mandatory.len(), 1, "{pair}");
                assert!(skew.mandatory[0].contains(word), "{pair}");
                assert!(skew.refusal(true).is_some(), "{pair}");
            }
        }
    }
}

#[test]
fn a_pre_release_can_be_allowed_and_its_leap_forced() {
    let standing = standing("v1.34.0", &["v1.34.0"]);
    let allowed = |experimental, release_candidates| Allowed { experimental, release_candidates };
    let judged = |target: &str, allowed| judge(&standing, &version(target), allowed);
    assert_eq!(judged("v1.35.0-rc.1", allowed(false, true)), Skew::default());
    assert_eq!(judged("v1.35.0-rc.1", allowed(true, false)), Skew::default());
    assert_eq!(judged("v1.35.0-beta.0", allowed(true, false)), Skew::default());
    assert_eq!(judged("v1.35.0-beta.0", allowed(false, true)).skippable.len(), 1);
    // Two minors at once are mandatory for a release, and can be forced for a pre-release.
    let leap = judged("v1.36.0-rc.1", allowed(false, true));
    assert_eq!((leap.mandatory.len(), leap.skippable.len()), (0, 1));
}

#[test]
fn says_it_in_kubeadms_words() {
    let standing = standing("v1.20.2", &["v1.20.2"]);
    let never = judge(&standing, &version("v1.22.0"), Allowed::default());
    assert_eq!(
        never.refusal(true).unwrap(),
        "the version argument is invalid due to these fatal errors:\n\n\t- Specified version to upgrade to \"v1.22.0\" \
         is too high; kubeadm can upgrade only 1 minor version at a time\n\nPlease fix the misalignments highlighted \
         above and try upgrading again"
    );
    let unstable = judge(&standing, &version("v1.21.0-beta.1"), Allowed::default());
    let entry = "\t- Specified version to upgrade to \"v1.21.0-beta.1\" is an unstable version and such upgrades \
                 weren't allowed via setting the --allow-*-upgrades flags\n";
    assert_eq!(
        unstable.refusal(false).unwrap(),
        format!(
            "the version argument is invalid due to these errors:\n\n{entry}\nCan be bypassed if you pass the --force flag"
        )
    );
    assert_eq!(
        unstable.forced().unwrap(),
        format!(
            "Found 1 potential version compatibility errors but skipping since the --force flag is set: \n\n{entry}"
        )
    );
}

#[test]
fn an_api_server_that_stayed_behind_is_named() {
    let mut standing = standing("v1.21.0", &["v1.21.0"]);
    standing.api_servers.insert("node2".into(), version("v1.20.2"));
    assert_eq!(judge(&standing, &version("v1.21.5"), Allowed::default()), Skew::default());
    let skew = judge(&standing, &version("v1.22.0"), Allowed::default());
    assert_eq!(skew.skippable.len(), 1);
    assert!(skew.skippable[0].contains("\"node2\" is v1.20.2"), "{skew:?}");
}

#[test]
fn nodes_that_cannot_be_listed_can_be_forced() {
    let standing = Standing { kubelets: None, ..standing("v1.20.2", &[]) };
    assert_eq!(judge(&standing, &version("v1.20.3"), Allowed::default()).skippable.len(), 1);
}

#[test]
fn what_is_newer_than_it_should_be_is_told() {
    let skew = judge(&standing("v1.36.2", &["v1.36.2"]), &version("v1.36.9"), Allowed::default());
    assert!(skew.warnings[0].contains("newer than v1.36.2"), "{skew:?}");
    let skew = judge(&standing("v1.36.2", &["v1.36.2"]), &version("v1.35.0"), Allowed::default());
    assert!(skew.warnings[0].contains("v1.36.2"), "{skew:?}");
}

fn any_version() -> impl Strategy<Value = KubernetesVersion> {
    let pre = prop_oneof![Just(String::new()), (0..3u8).prop_map(|n| format!("-rc.{n}")), Just("-alpha.1".to_owned())];
    (18..40u64, 0..20u64, pre).prop_map(|(minor, patch, pre)| format!("v1.{minor}.{patch}{pre}").parse().unwrap())
}

proptest! {
    /// kubeadm's own rules, written anew as a table of conditions over minors.
    #[test]
    fn agrees_with_the_rules_written_as_arithmetic(
        cluster in any_version(), target in any_version(), kubelet in any_version(),
        experimental: bool, release_candidates: bool,
    ) {
        let allowed = Allowed { experimental, release_candidates };
        let standing = standing(&cluster.to_string(), &[&kubelet.to_string()]);
        let skew = judge(&standing, &target, allowed);
        let (c, t, l) = (cluster.minor() as i64, target.minor() as i64, kubelet.minor() as i64);
        let pre = target.semver().pre.as_str();
        let (high, unknown) = (t > c + 1, !(20..=37).contains(&t));
        let low = t < c - 1 || t == c - 1 && target.patch() == 0 && !pre.is_empty();
        prop_assert_eq!(skew.mandatory.is_empty(), !unknown && !low && (!high || !pre.is_empty()), "{:?}", skew);
        if !unknown {
            let allowed_pre = pre.is_empty() || experimental || (pre.starts_with("rc") && release_candidates);
            let behind = if t >= 29 { 3 } else { 1 };
            let forced = [high && !pre.is_empty(), t == c - 1 && !low, !allowed_pre, t - l > behind];
            prop_assert_eq!(skew.skippable.len(), forced.iter().filter(|it| **it).count(), "{:?}", skew);
        }
        prop_assert_eq!(skew.refusal(false).is_none(), skew.mandatory.is_empty() && skew.skippable.is_empty());
        prop_assert_eq!(skew.refusal(true).is_none(), skew.mandatory.is_empty());
    }

    /// A newer patch of the target never changes the answer.
    #[test]
    fn only_minors_count(cluster in any_version(), minor in 20..38u64, patches in (0..20u64, 0..20u64)) {
        let standing = standing(&cluster.to_string(), &[&cluster.to_string()]);
        let of = |patch| {
            let skew = judge(&standing, &KubernetesVersion::new(1, minor, patch), Allowed::default());
            (skew.mandatory.len(), skew.skippable.len())
        };
        prop_assert_eq!(of(patches.0), of(patches.1));
    }
}
