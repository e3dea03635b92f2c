#![allow(clippy::unwrap_used)]

use super::*;

fn version(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

fn labels(stable: &str, patch: Option<&str>, unstable: Option<(&str, &str)>) -> Labels {
    Labels::Found {
        stable: version(stable),
        patch: patch.map(version),
        unstable: unstable.map(|(latest, previous)| (version(latest), version(previous))),
    }
}

const ALL: Allowed = Allowed { experimental: true, release_candidates: true };
const NONE: Allowed = Allowed { experimental: false, release_candidates: false };
const RC: Allowed = Allowed { experimental: false, release_candidates: true };

/// kubeadm's own cases (`phases/upgrade/compute_test.go`), as far as one program for all minors has them.
#[test]
fn offers_what_kubeadm_offers() {
    let series = "version in the v1.20 series";
    type Case<'a> = (&'a str, Labels, Allowed, &'a [(&'a str, &'a str)]);
    let cases: &[Case<'_>] = &[
        // Nothing newer.
        ("v1.20.3", labels("v1.20.3", Some("v1.20.3"), None), NONE, &[]),
        // Other builds of one version are no newer ones.
        ("v1.20.3", labels("v1.20.3+abc", Some("v1.20.3+abc"), None), NONE, &[]),
        ("v1.20.3+abc", labels("v1.20.3", Some("v1.20.3"), None), NONE, &[]),
        // A patch, which is the newest of all.
        ("v1.20.1", labels("v1.20.3", Some("v1.20.3"), None), NONE, &[(series, "v1.20.3")]),
        // The next minor, with and without a patch.
        ("v1.20.1", labels("v1.21.0", Some("v1.20.1"), None), NONE, &[("stable version", "v1.21.0")]),
        (
            "v1.20.1",
            labels("v1.21.0", Some("v1.20.3"), None),
            NONE,
            &[(series, "v1.20.3"), ("stable version", "v1.21.0")],
        ),
        // Nobody knows releases of the cluster's minor.
        ("v1.20.1", labels("v1.21.0", None, None), NONE, &[("stable version", "v1.21.0")]),
        // The cluster is newer than all that is known.
        ("v1.21.5", labels("v1.20.3", Some("v1.20.3"), None), NONE, &[]),
        // Experimental ones are offered when they are allowed.
        (
            "v1.20.3",
            labels("v1.20.3", Some("v1.20.3"), Some(("v1.21.0-alpha.2", "v1.20.3"))),
            ALL,
            &[("experimental version", "v1.21.0-alpha.2")],
        ),
        ("v1.20.3", labels("v1.20.3", Some("v1.20.3"), Some(("v1.21.0-alpha.2", "v1.20.3"))), RC, &[]),
        // The first alpha is passed over for what came before it.
        (
            "v1.20.3",
            labels("v1.20.3", Some("v1.20.3"), Some(("v1.22.0-alpha.0", "v1.21.0-beta.1"))),
            ALL,
            &[("experimental version", "v1.21.0-beta.1")],
        ),
        (
            "v1.20.3",
            labels("v1.20.3", Some("v1.20.3"), Some(("v1.22.0-alpha.1", "v1.21.0-rc.1"))),
            ALL,
            &[("release candidate version", "v1.21.0-rc.1"), ("experimental version", "v1.22.0-alpha.1")],
        ),
        (
            "v1.20.3",
            labels("v1.20.3", Some("v1.20.3"), Some(("v1.22.0-alpha.1", "v1.21.0-rc.1"))),
            RC,
            &[("release candidate version", "v1.21.0-rc.1")],
        ),
        // A version that was named stands for every label, and is described as one of the cluster's series.
        ("v1.20.2", Labels::Given(version("v1.20.3")), NONE, &[(series, "v1.20.3")]),
        ("v1.20.2", Labels::Given(version("v1.21.3")), NONE, &[(series, "v1.21.3")]),
        ("v1.20.2", Labels::Given(version("v1.20.2")), NONE, &[]),
        ("v1.20.2", Labels::Given(version("v1.20.1")), NONE, &[]),
        (
            "v1.20.2",
            Labels::Given(version("v1.20.3")),
            ALL,
            &[(series, "v1.20.3"), ("experimental version", "v1.20.3")],
        ),
    ];
    for (cluster, labels, allowed, expected) in cases {
        let (found, _) = offers(&version(cluster), labels, *allowed);
        let found: Vec<_> = found.iter().map(|it| (it.description.clone(), it.version.to_string())).collect();
        let expected: Vec<_> = expected.iter().map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned())).collect();
        assert_eq!(found, expected, "{cluster} with {labels:?}");
    }
}

#[test]
fn says_what_it_found() {
    let (_, told) =
        offers(&version("v1.20.2"), &labels("v1.21.14", Some("v1.20.15"), Some(("v1.21.14", "v1.20.15"))), ALL);
    assert_eq!(
        told,
        "[upgrade/versions] Target version: v1.21.14\n\
         [upgrade/versions] Latest version in the v1.20 series: v1.20.15\n\
         [upgrade/versions] Latest experimental version: v1.21.14\n\
         [upgrade/versions] Latest previous version: v1.20.15\n\n"
    );
}
