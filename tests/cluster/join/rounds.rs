//! Several nodes join in the same second, again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::super::command::Ended;
use super::super::members::{leave, voters};
use super::super::post_conditions::Expected;
use super::super::secrets::{every_leak_is_found, secrets_in};
use super::{As, Site};

/// How often all nodes join at once. By hand more: `KUBEWRIGHT_ROUNDS=50 cargo lab test join::rounds`.
const ROUNDS: usize = 10;

/// Who joins in a round: three control planes and five workers.
const ROUND: [As; 8] =
    [As::Uploaded, As::Copied, As::Uploaded, As::Worker, As::Worker, As::Worker, As::Worker, As::Worker];

#[test]
#[ignore = "needs lab nodes"]
fn all_that_start_in_the_same_second_become_members_every_time() {
    let rounds = std::env::var("KUBEWRIGHT_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let site = Site::with_nodes(9);
    let first = site.stage.node(1);

    // The cluster of the books, with both ways to bring certificates.
    at_once(&site, &[As::Uploaded, As::Copied, As::Worker, As::Worker]);
    site.stage.wait_until_whole(&Expected::of(3, 2).uploaded());
    let config = ["kubectl", "get", "-n", "kube-system", "configmap", "kubeadm-config", "-o", "yaml"];
    let config = first.run(config).unwrap();
    for number in 1..=3 {
        let listed = config.contains(&format!("advertiseAddress: {}", site.stage.node(number).address()));
        assert_eq!(listed, site.stage.facts().api.cluster_status, "{config}");
    }
    // Workers first: etcd goes 3→2→1. They all join again below, with nothing done to them in between.
    [4, 5, 3, 2].into_iter().for_each(|number| leave(&site.stage, site.stage.node(number), first));

    // Nobody's `join` waits for these, and each node's kube-proxy costs the machine as much as its kubelet.
    first.run(["kubectl", "delete", "-n", "kube-system", "daemonset/kube-proxy", "deployment/coredns"]).unwrap();
    let start = Instant::now();
    for round in 1..=rounds {
        eprint!("round {round}: ");
        at_once(&site, &ROUND);
        if round == rounds {
            // Control planes first: etcd goes 4→3→2→1.
            [4, 3, 2, 5, 6].into_iter().for_each(|number| leave(&site.stage, site.stage.node(number), first));
            site.take_out(7..=9);
        } else {
            site.take_out(2..=9);
        }
    }
    eprintln!("{rounds} rounds took {:.1} s", start.elapsed().as_secs_f64());
}

/// Lets nodes join in the same second, telling all that they can, and checks that they are members when the last `join` has
/// ended.
fn at_once(site: &Site, joining: &[As]) {
    let commands: Vec<_> =
        (2..).zip(joining).map(|(number, how)| (number, site.join(number, *how).word("-v=9"))).collect();
    let start = Instant::now();
    let started: Vec<_> = commands.iter().map(|(number, command)| (*number, command.start())).collect();
    let mut slowest: BTreeMap<String, u64> = BTreeMap::new();
    for (number, running) in started {
        let ended = running.end();
        let how = joining[number - 2];
        assert!(ended.status.success(), "node{number} as {how:?} of {joining:?}:\n{}", ended.said());
        tells_no_secret(site, number, how, &ended);
        if ended.said().contains("Starting the kubelet afresh") {
            eprint!("the kubelet of node{number} had refused a static pod; ");
        }
        for (phase, took) in ended.durations() {
            let longest = slowest.entry(phase).or_default();
            *longest = took.max(*longest);
        }
    }
    let control_planes = 1 + joining.iter().filter(|how| **how != As::Worker).count();
    let name = |number: usize| site.stage.node(number).name();
    assert_eq!(voters(site.stage.node(1)), (1..=control_planes).map(name).collect::<BTreeSet<_>>());
    let nodes = site.stage.node(1).run(["kubectl", "get", "nodes", "-o", "name"]).unwrap();
    assert_eq!(nodes.lines().count(), joining.len() + 1, "{nodes}");

    slowest.retain(|_, took| *took >= 1000);
    let phases: Vec<String> = slowest
        .iter()
        .map(|(phase, took)| format!("{phase} {:.1}", Duration::from_millis(*took).as_secs_f64()))
        .collect();
    let (took, count) = (start.elapsed().as_secs_f64(), joining.len());
    eprintln!("{count} joined after {took:.1} s; the slowest of each phase: {}", phases.join(", "));
}

/// Nothing that the run printed or wrote down for itself holds the token, the key to the certificates, or a key.
fn tells_no_secret(site: &Site, number: usize, how: As, ended: &Ended) {
    let node = site.stage.node(number);
    assert_eq!(secrets_in(node, &site.ticket, ended), [""; 0], "node{number}");
    // A worker's only key is its kubelet's own.
    if how != As::Worker {
        every_leak_is_found(node, &site.ticket, ended);
    }
}
