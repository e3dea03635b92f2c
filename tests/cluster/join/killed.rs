//! A control plane's `join` that is killed after a record of its journal is finished by the same command, and ends as one
//! that nobody killed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::time::Instant;

use kubewright_lab::Node;
use serde_json::Value as Json;

use super::super::command::Ended;
use super::super::members::voters;
use super::super::tree::{STATE_DIR, tree};
use super::{As, Site};

const ABORTED: i32 = 6;
/// The node that joins.
const NODE: usize = 2;

/// Which records are died after: every so many, and all of `etcd-join`. `KUBEWRIGHT_DEATHS=1 cargo lab test join::killed`
/// takes every one, `KUBEWRIGHT_DEATHS=each` gives every one a node of its own, and `KUBEWRIGHT_DEATHS=etcd-join:sealed:1` dies
/// there only, [`AGAIN`] times, each on a node of its own.
const SAMPLE: usize = 8;
const AGAIN: usize = 10;

#[test]
#[ignore = "needs lab nodes"]
fn a_join_that_dies_after_any_record_is_finished_by_the_same_command() {
    let wish = std::env::var("KUBEWRIGHT_DEATHS").unwrap_or_default();
    let one = wish.contains(':').then_some(wish.as_str());
    let alone = one.is_some() || wish == "each";
    let every = if alone { 1 } else { wish.parse().unwrap_or(SAMPLE) };
    let site = Site::with_nodes(2);
    let start = Instant::now();
    let ended = site.join(NODE, As::Uploaded).succeed();
    let wanted = EndState::of(&site);
    let all = places(site.stage.node(NODE), &ended);
    assert!(all.len() > 40 && all.iter().any(|place| place.starts_with("etcd-join:settled")), "{all:?}");
    site.take_out([NODE]);

    let sample = all.iter().enumerate().filter(|(at, place)| at % every == 0 || place.starts_with("etcd-join:"));
    let mut sample: Vec<&str> = sample.map(|(_, place)| place.as_str()).collect();
    if let Some(place) = one {
        sample = vec![place; AGAIN];
    }
    let (count, mut joins) = (sample.len(), 1);
    sample.reverse();
    // One join dies as often as it gets to a place that is still to be died at: what it has done is not done again.
    while let Some(&place) = sample.last() {
        let fresh = site.stage.node(NODE).path("/etc/kubernetes").read_dir().unwrap().next().is_none();
        // A member that is added is not added again: who goes on from there has the promotion as its first effect.
        let again = place.strip_suffix(":2").filter(|_| !fresh && place.starts_with("etcd-join:"));
        let at = again.map_or_else(|| place.to_owned(), |place| format!("{place}:1"));
        let began = Instant::now();
        let ended = site.join(NODE, As::Uploaded).with("KUBEWRIGHT_KILL_AT", at).run();
        let died = ended.killed_by() == Some(ABORTED);
        eprintln!("{place}: {} after {:.1} s", if died { "died" } else { "ended" }, began.elapsed().as_secs_f64());
        assert!(died || ended.status.success(), "on the way to `{place}`:\n{}", ended.said());
        assert!(died || !fresh, "`{place}` was not passed by a join from the beginning:\n{}", ended.said());
        if died {
            sample.pop();
        }
        if died && (alone || sample.is_empty()) {
            site.join(NODE, As::Uploaded).succeed();
        }
        if !died || alone || sample.is_empty() {
            assert_eq!(EndState::of(&site), wanted, "after `{place}`");
            site.take_out([NODE]);
            joins += 1;
        }
    }
    eprintln!("{count} deaths at {} records, in {joins} joins and {:.1} s", all.len(), start.elapsed().as_secs_f64());
    site.hand_on();
}

/// Every place right after a record of the run's journal, in its order. The first and the last line belong to no phase.
fn places(node: &Node, ended: &Ended) -> Vec<String> {
    let journal = node.path(&format!("{STATE_DIR}/runs/{}/journal.jsonl", ended.begun().0));
    let text = fs::read_to_string(journal).unwrap();
    let (mut times, mut effects, mut places) = (HashMap::new(), HashMap::new(), Vec::new());
    for line in text.lines() {
        let record: Json = serde_json::from_str(line).unwrap();
        let kind = record["record"].as_str().unwrap();
        let id = record["id"].as_u64();
        let phase = match (record["phase"].as_str(), id) {
            (Some(phase), id) => {
                effects.extend(id.map(|id| (id, phase.to_owned())));
                phase.to_owned()
            }
            (None, Some(id)) => effects[&id].clone(),
            (None, None) => continue,
        };
        let place = format!("{phase}:{kind}");
        let time = times.entry(place.clone()).or_insert(0);
        *time += 1;
        places.push(format!("{place}:{time}"));
    }
    places
}

const ETCD: &str = "/etc/kubernetes/manifests/etcd.yaml";

/// etcd's manifest with its members in the order of their names. etcd gives them by number, which is another each time.
fn unordered(manifest: &str) -> String {
    let line = |line: &str| match line.split_once("--initial-cluster=") {
        Some((before, members)) => {
            let members: BTreeSet<&str> = members.split(',').collect();
            format!("{before}--initial-cluster={}\n", members.into_iter().collect::<Vec<_>>().join(","))
        }
        None => format!("{line}\n"),
    };
    manifest.lines().map(line).collect()
}

/// What a join leaves, without what is made anew each time.
#[derive(Debug, PartialEq, Eq)]
struct EndState {
    /// Modes and owners by path, and the contents of what has no key, no certificate and no moment in it.
    files: BTreeMap<String, (String, String)>,
    node: Json,
    voters: BTreeSet<String>,
}

impl EndState {
    fn of(site: &Site) -> Self {
        let node = site.stage.node(NODE);
        let written = ["/etc/kubernetes", "/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env"];
        let files = tree(node, written).into_iter().map(|(path, entry)| {
            let private = path.contains("/pki/") || path.ends_with(".conf");
            let contents = match path.as_str() {
                ETCD => unordered(&fs::read_to_string(node.path(ETCD)).unwrap()),
                _ if private => String::new(),
                _ => entry.digest.clone(),
            };
            (path, (entry.access(), contents))
        });
        let first = site.stage.node(1);
        let object = first.run(["kubectl", "get", "node", &node.name(), "-o", "json"]).unwrap();
        let object: Json = serde_json::from_str(&object).unwrap();
        let mut taints = object["spec"]["taints"].as_array().cloned().unwrap_or_default();
        // What its own controllers think of it at the moment.
        taints.retain(|taint| !taint["key"].as_str().unwrap_or_default().starts_with("node.kubernetes.io/"));
        let socket = &object["metadata"]["annotations"]["kubeadm.alpha.kubernetes.io/cri-socket"];
        let node = serde_json::json!({"labels": object["metadata"]["labels"], "taints": taints, "socket": socket});
        Self { files: files.collect(), node, voters: voters(first) }
    }
}
