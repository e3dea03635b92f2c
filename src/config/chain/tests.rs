#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn version(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

fn shown(versions: &[KubernetesVersion]) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

fn through(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn standing(servers: &[(&str, &str)], kubelets: &[&str]) -> Standing {
    Standing {
        cluster: version(servers[0].1),
        api_servers: servers.iter().map(|(node, text)| ((*node).to_owned(), version(text))).collect::<BTreeMap<_, _>>(),
        kubelets: Some(kubelets.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>()),
    }
}

#[test]
fn reads_what_through_names() {
    let read = |texts: &[&str], target| parse(&through(texts), target).map(|versions| shown(&versions));
    assert_eq!(read(&["v1.24.17", "1.25.16"], None).unwrap(), ["v1.24.17", "v1.25.16"]);
    assert_eq!(read(&["v1.24.17", " "], Some("v1.25.16")).unwrap(), ["v1.24.17", "v1.25.16"]);
    assert_eq!(read(&["v1.24.17", "v1.25.16"], Some("v1.25.16")).unwrap(), ["v1.24.17", "v1.25.16"]);
    assert_eq!(read(&["stable-1.24"], Some("stable-1.25")).unwrap(), ["v1.24.17", "v1.25.16"]);
    for (texts, words) in [
        (&["v1.25.0", "v1.24.0"][..], "v1.24.0 comes after v1.25.0 in --through and is not newer"),
        (&["v1.25.0", "v1.25.0"], "v1.25.0 comes after v1.25.0"),
        (&["1.25"], "`1.25` in --through: neither a version nor a label that we know; write v1.25.16, or stable-1.25"),
        (&[""], "--through names no version"),
    ] {
        assert!(read(texts, None).unwrap_err().to_string().starts_with(words), "{texts:?}");
    }
}

#[test]
fn the_way_goes_over_the_newest_release_of_each_minor() {
    let way = |from, to| shown(&path(&version(from), &version(to)));
    assert_eq!(way("v1.20.2", "v1.23.4"), ["v1.21.14", "v1.22.17", "v1.23.4"]);
    assert_eq!(way("v1.20.2", "v1.20.15"), ["v1.20.15"]);
    assert_eq!(way("v1.20.2", "v1.36.2").len(), 16);
    assert!(way("v1.36.2", "v1.36.2").is_empty() && way("v1.36.2", "v1.20.2").is_empty());
}

#[test]
fn a_chain_goes_on_from_where_the_cluster_is() {
    let steps = ["v1.21.14", "v1.22.17", "v1.23.17"].map(version);
    let left = |cluster| shown(ahead(&version(cluster), &steps));
    assert_eq!(left("v1.20.2").len(), 3);
    assert_eq!(left("v1.21.14"), ["v1.22.17", "v1.23.17"]);
    assert_eq!(left("v1.22.0"), ["v1.22.17", "v1.23.17"]);
    assert_eq!(left("v1.23.17"), ["v1.23.17"]);
}

#[test]
fn each_step_is_held_against_what_is_there_then() {
    let way = ["v1.21.14", "v1.22.17"].map(version);
    let steps = judge(&standing(&[("node1", "v1.20.2")], &["v1.20.2"]), "node1", &way, Allowed::default());
    assert_eq!(steps[0].skew, Skew::default());
    assert_eq!((steps[0].oldest_kubelet, steps[1].oldest_kubelet), (20, 21));
    assert!(steps[1].skew.skippable[0].contains("too old"), "{steps:?}");
    let steps = judge(&standing(&[("node1", "v1.20.2")], &["v1.20.2"]), "node1", &way[1..], Allowed::default());
    assert!(steps[0].skew.mandatory[0].contains("too high"), "{steps:?}");
}

#[test]
fn several_control_planes_go_together() {
    let servers = [("node1", "v1.30.1"), ("node2", "v1.30.1")];
    let way = ["v1.31.14", "v1.32.13"].map(version);
    let steps = judge(&standing(&servers, &["v1.30.1"]), "node1", &way, Allowed::default());
    assert_eq!(steps[0].skew, Skew::default());
    assert!(steps[1].skew.skippable[0].contains("\"node2\" is v1.30.1"), "{steps:?}");
}

#[test]
fn the_way_to_etcd_3_6_goes_over_3_5_24() {
    let judged = |from: &str, to: &str| {
        judge(&standing(&[("node1", from)], &[from]), "node1", &[version(to)], Allowed::default()).remove(0).skew
    };
    let skew = judged("v1.33.0", "v1.34.9");
    assert_eq!(
        skew.warnings,
        ["etcd 3.5.21 should become 3.5.24 or newer before it becomes 3.6.5: upgrade to v1.33.13 before v1.34.9"]
    );
    assert_eq!(judged("v1.33.13", "v1.34.9"), Skew::default());
}

proptest! {
    /// With kubelets that follow, the printed way is one that the policy allows at every step.
    #[test]
    fn the_way_keeps_the_policy(from in 20..37u64, patch in 0..10u64, to in 20..38u64) {
        let (from, to) = (KubernetesVersion::new(1, from, patch), KubernetesVersion::new(1, to, 0));
        let mut cluster = from.clone();
        for step in path(&from, &to) {
            let text = cluster.to_string();
            let standing = standing(&[("node1", &text)], &[&text]);
            let skew = skew::judge(&standing, &step, Allowed::default());
            prop_assert_eq!((&skew.mandatory, &skew.skippable), (&vec![], &vec![]), "{} to {}", text, step);
            cluster = step;
        }
    }

    #[test]
    fn never_panics(texts in proptest::collection::vec("[v0-9a-z.,/ -]{0,12}", 0..4), target in "[v0-9.]{0,8}") {
        let _ = parse(&texts, Some(&target));
    }
}
