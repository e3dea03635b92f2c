//! `upgrade plan` and `upgrade diff` beside the peer's, on a control plane that another test has made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kubewright_lab::Node;

use super::other_versions::{OtherVersions, Standing, View, at_once, even, with};
use super::stage::said;

/// What is planned: a cluster, and the version that it is to have. The peer's own components are those of 1.20, whatever the
/// target.
const PLANS: &[(Standing, &str)] = &[
    (even("v1.20.2"), "v1.20.3"),
    (even("v1.20.2"), "v1.20.15"),
    (even("v1.20.2"), "v1.20.2"),
    (even("v1.20.2"), "v1.20.1"),
    (even("v1.20.0"), "v1.20.2"),
    (even("v1.20.15"), "v1.20.2"),
    (even("v1.20.0-rc.1"), "v1.20.2"),
    (with("v1.20.2", "v1.19.0"), "v1.20.3"),
    (even("v1.20.2"), "v1.20.3-rc.0"),
    (even("v1.20.2"), "v1.21.0"),
    (even("v1.20.2"), "v1.22.0"),
];

/// What is shown: a cluster, and the version whose manifests are held against the node's.
const DIFFS: &[(Standing, &str)] = &[
    (even("v1.20.2"), "v1.20.2"),
    (even("v1.20.2"), "v1.20.0"),
    (even("v1.20.2"), "v1.20.3"),
    (even("v1.20.2"), "v1.20.15"),
    (even("v1.20.0"), "v1.20.2"),
    (even("v1.20.15"), "v1.20.1"),
    (even("v1.20.2"), "v1.20.3-rc.0"),
    (even("v1.20.2"), "v1.21.0-alpha.1"),
];

/// Compares both programs, which change nothing on the node.
pub fn agrees_with_the_peer(node: &Node, cluster: &OtherVersions<'_>) {
    let begun = Instant::now();
    let planned = at_once(PLANS, |(standing, target)| plans_the_same(&cluster.view(*standing), target));
    assert_eq!(planned.iter().filter(|planned| **planned).count(), 8, "{planned:?}");
    at_once(DIFFS, |(standing, target)| differs_the_same(&cluster.view(*standing), target));
    let plan = node.run(["kubewright", "upgrade", "plan", "v1.20.3"]).unwrap();
    assert_eq!(Plan::read(&plan, "kubewright").offers, ["v1.20.3"], "{plan}");
    let none = node.run(["kubewright", "upgrade", "diff"]).unwrap();
    assert_eq!(none.matches("--- ").count(), 0, "the cluster's own version changes nothing:\n{none}");
    warns_of_what_would_be_refused(node);
    let listed = node.run(["kubewright", "upgrade", "plan", "-o", "jsonpath={.upgradePath[*].version}"]).unwrap();
    assert!(listed.starts_with("v1.21.14 v1.22.17 ") && listed.ends_with(" v1.36.2"), "{listed}");
    let jobs = node.run(["kubectl", "-n", "kube-system", "get", "jobs,pods", "-o", "name"]).unwrap();
    let ours: Vec<_> = jobs.lines().filter(|line| line.starts_with("job")).collect();
    assert!(ours.is_empty(), "the test Jobs stay: {ours:?}");
    let (plans, diffs) = (PLANS.len(), DIFFS.len());
    println!("{plans} plans and {diffs} diffs are the peer's, in {:.1} s", begun.elapsed().as_secs_f64());
}

fn plans_the_same(view: &View<'_>, target: &str) -> bool {
    let plan = |program: &str| {
        let output = view.run(&format!("{program} upgrade plan {target}"));
        assert!(output.status.success(), "{program}, {target}: {}", said(&output));
        Plan::read(&String::from_utf8(output.stdout).unwrap(), program)
    };
    let (ours, mut peers) = (plan("kubewright"), plan("kubeadm"));
    if !target.starts_with("v1.20.") {
        for own in ["CoreDNS", "etcd"] {
            peers.components.insert(own.to_owned(), ours.components[own].clone());
        }
    }
    assert_eq!(ours, peers, "{target}: ours, and then the peer's");
    // Six components, two kubelets and a table of configuration, or nothing to do at all.
    let rows = (ours.components.len(), ours.kubelets.values().sum::<usize>(), ours.offers.len());
    let wanted = if ours.configuration.is_some() { (6, 2, 1) } else { (0, 0, 0) };
    assert_eq!(rows, wanted, "{target}: {ours:?}");
    ours.configuration.is_some()
}

/// What `upgrade plan` says, in either form: 1.20 counts kubelets, and names no nodes.
#[derive(Debug, Default, PartialEq)]
struct Plan {
    /// Each component's version now and then.
    components: BTreeMap<String, (String, String)>,
    /// How many kubelets go from one version to another.
    kubelets: BTreeMap<(String, String), usize>,
    /// What follows `upgrade apply` in the commands that it offers.
    offers: Vec<String>,
    /// Everything about the components' configuration, to the byte.
    configuration: Option<String>,
}

impl Plan {
    fn read(text: &str, program: &str) -> Self {
        let plain = |version: &str| version.trim_start_matches('v').to_owned();
        let mut plan = Self::default();
        let mut table = false;
        let (text, configuration) =
            text.split_once("\nAPI GROUP").map_or((text, None), |(text, rest)| (text, Some(rest)));
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let mut kubelets = |count: &str, now: &str, then: &str| {
                *plan.kubelets.entry((plain(now), plain(then))).or_default() += count.parse::<usize>().unwrap();
            };
            match words[..] {
                ["COMPONENT", ..] => table = true,
                [who, "upgrade", "apply", ref rest @ ..] if who == program => plan.offers.push(rest.join(" ")),
                _ if !table => {}
                ["kubelet", count, "x", now, then] | [count, "x", now, then] => kubelets(count, now, then),
                ["kubelet", _, now, then] => kubelets("1", now, then),
                [name, .., now, then] => {
                    plan.components.insert(name.to_owned(), (plain(now), plain(then)));
                }
                _ => table = false,
            }
        }
        // kubeadm must be updated to each target, and this is one program for all.
        plan.components.remove("kubeadm");
        plan.configuration =
            configuration.map(|rest| rest.split("The way from").next().unwrap_or(rest).trim_end().to_owned());
        plan
    }
}

fn differs_the_same(view: &View<'_>, target: &str) {
    let diff = |program: &str, more: &str| {
        let output = view.run(&format!("{program} upgrade diff {target} {more}"));
        assert!(output.status.success(), "{program}, {target}: {}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        // The peer's files come in any order.
        text.split("--- ").skip(1).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let ours = diff("kubewright", "");
    assert_eq!(ours, diff("kubeadm", ""), "{target}");
    assert_eq!(ours.len(), if target == "v1.20.2" { 0 } else { 3 }, "{target}");
    assert!(ours.is_empty() || ours != diff("kubewright", "-c 1"), "{target}");
}

/// Both plan it, and only ours says that it would be refused.
fn warns_of_what_would_be_refused(node: &Node) {
    let plan = node.exec(["kubewright", "upgrade", "plan", "v1.22.0"]).unwrap();
    let told = said(&plan);
    assert!(plan.status.success() && told.contains("warning: Specified version to upgrade to \"v1.22.0\""), "{told}");
}
