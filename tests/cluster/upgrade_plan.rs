//! `upgrade plan`, `upgrade diff` and the policy beside the peer's, on a control plane that another test has made.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_lab::Node;

use super::stage::said;

/// Targets for a cluster of v1.20.2, with the flags that go with each. The peer's own version decides nothing about them, or
/// only beside another reason.
const TARGETS: [(&str, &str); 9] = [
    ("v1.20.0", ""),
    ("v1.20.2", ""),
    ("v1.20.2-rc.1", ""),
    ("v1.20.2-rc.1", "--allow-release-candidate-upgrades"),
    ("v1.20.2-beta.1", "--allow-release-candidate-upgrades"),
    ("v1.20.2-beta.1", "--allow-experimental-upgrades"),
    ("v1.21.0-beta.1", ""),
    ("v1.22.0", ""),
    ("v1.22.0-alpha.1", "--allow-experimental-upgrades"),
];

const IGNORED: &str = "--ignore-preflight-errors=all";

/// Compares both programs, which change nothing on the node.
pub fn agrees_with_the_peer(node: &Node) {
    let begun = std::time::Instant::now();
    plans_the_same(node);
    differs_the_same(node);
    refuses_the_same(node);
    let jobs = node.run(["kubectl", "-n", "kube-system", "get", "jobs,pods", "-o", "name"]).unwrap();
    let ours: Vec<_> = jobs.lines().filter(|line| line.starts_with("job")).collect();
    assert!(ours.is_empty(), "the test Jobs stay: {ours:?}");
    println!("upgrade plan and diff beside the peer's: {:.1} s", begun.elapsed().as_secs_f64());
}

fn plans_the_same(node: &Node) {
    let plan = |program: &str| {
        let output = node.exec([program, "upgrade", "plan", "v1.20.3"]).unwrap();
        assert!(output.status.success(), "{program}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let (ours, peers) = (plan("kubewright"), plan("kubeadm"));
    assert_eq!(rows(&ours), rows(&peers), "{ours}\n{peers}");
    assert!(rows(&ours).len() == 7, "{ours}");
    // From here on every byte is the same, but for the name.
    let after = |text: &str| text.split_once("\nAPI GROUP").map(|(_, rest)| rest.to_owned()).unwrap();
    assert_eq!(after(&ours), after(&peers));
    assert!(ours.contains("\n\tkubewright upgrade apply v1.20.3\n"), "{ours}");

    let listed = node.run(["kubewright", "upgrade", "plan", "-o", "jsonpath={.upgradePath[*].version}"]).unwrap();
    assert!(listed.starts_with("v1.21.14 v1.22.17 ") && listed.ends_with(" v1.36.2"), "{listed}");
}

/// Each component with its version now and then. 1.20 counts kubelets and names no nodes.
fn rows(plan: &str) -> BTreeMap<String, (String, String)> {
    let mut rows = BTreeMap::new();
    let mut table = false;
    for line in plan.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["COMPONENT", ..] => table = true,
            [name, .., now, then] if table => {
                let plain = |version: &str| version.trim_start_matches('v').to_owned();
                rows.insert((*name).to_owned(), (plain(now), plain(then)));
            }
            _ => table = false,
        }
    }
    rows
}

fn differs_the_same(node: &Node) {
    let diff = |program: &str, version: &[&str]| {
        let output = node.exec([&[program, "upgrade", "diff"], version].concat()).unwrap();
        assert!(output.status.success(), "{program}: {}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        // The peer's files come in any order.
        text.split("--- ").skip(1).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let ours = diff("kubewright", &["v1.20.3"]);
    assert_eq!(ours, diff("kubeadm", &["v1.20.3"]));
    assert_eq!(ours.len(), 3);
    assert!(diff("kubewright", &[]).is_empty() && diff("kubeadm", &["v1.20.2"]).is_empty());
    assert_ne!(ours, diff("kubewright", &["v1.20.3", "-c", "1"]));
}

fn refuses_the_same(node: &Node) {
    for (target, flags) in TARGETS {
        // A dry run, which makes no Job as the peer's does each time.
        let ours = format!("kubewright upgrade apply phase preflight {target} {flags} --dry-run {IGNORED}");
        let ours = decision(node, &ours);
        // Without an answer to its question the peer changes nothing.
        let peers = decision(node, &format!("kubeadm upgrade apply {target} {flags} {IGNORED} </dev/null"));
        assert_eq!(ours, peers, "{target} {flags}");
    }
    // What would be refused is planned by both, and only ours says so.
    let plan = node.exec(["kubewright", "upgrade", "plan", "v1.22.0"]).unwrap();
    let told = said(&plan);
    assert!(plan.status.success() && told.contains("warning: Specified version to upgrade to \"v1.22.0\""), "{told}");
}

/// What becomes of an upgrade that policy decides about.
#[derive(Debug, PartialEq)]
enum Policy {
    Allowed,
    NeedsForce,
    Refused,
}

/// What a program decides, and for which reasons.
fn decision(node: &Node, command: &str) -> (Policy, BTreeSet<String>) {
    let ended = node.exec(["sh", "-c", command]).unwrap();
    let told = said(&ended);
    let policy = match &told {
        told if told.contains("invalid due to these fatal errors") => Policy::Refused,
        told if told.contains("invalid due to these errors") => Policy::NeedsForce,
        told => {
            assert!(ended.status.success() || told.contains("won't proceed"), "{command}: {told}");
            Policy::Allowed
        }
    };
    let reasons = told.lines().filter_map(|line| line.strip_prefix("\t- ")).filter(is_policy);
    (policy, reasons.map(str::to_owned).collect())
}

/// Reasons that hold whatever the program's own version is.
fn is_policy(reason: &&str) -> bool {
    reason.starts_with("Specified version")
        && !reason.contains("the kubeadm minor")
        && !reason.contains("the kubeadm version")
}
