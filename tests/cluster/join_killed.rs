//! The `join` of a control plane dies after each kind of record that each of its phases writes, and is run again after each
//! death. What it leaves in the end is what an undisturbed one leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use kubewright_engine::Record;
use kubewright_lab::Node;

use super::command::{Ended, Kubewright};
use super::members::voters;
use super::post_conditions::{Expected, post_conditions};
use super::stage::{Stage, ours};
use super::tree::{STATE_DIR, tree};

const ABORTED: i32 = 6;

#[test]
#[ignore = "needs lab nodes"]
fn a_join_that_dies_after_every_record_ends_as_if_it_had_not() {
    let stage = Stage::with_nodes(3);
    let cluster = stage.cluster(ours(), ours(), 3, 0);
    let file = cluster.write_init(stage.node(1)).unwrap();
    Kubewright::on(stage.node(1)).words(["init", "--config"]).word(file).succeed();
    let ticket = cluster.ticket(stage.node(1), true).unwrap();
    let join = |number: usize| {
        let node = stage.node(number);
        let file = cluster.write_join(node, &ticket, true).unwrap();
        // One phase at a time: a death stops the others wherever they are, and then nobody knows what is left to die at.
        Kubewright::on(node).words(["join", "--jobs=1", "--config"]).word(file)
    };

    join(2).succeed();
    let places = places(stage.node(2));
    assert!(places.len() > 40, "{places:?}");
    for place in &places {
        let ended = join(3).with("KUBEWRIGHT_KILL_AT", place).run();
        assert_eq!(ended.killed_by(), Some(ABORTED), "at {place}: {}", ended.said());
    }
    let ended = join(3).succeed();
    goes_on(&ended);

    stage.wait_until_up(3, 0);
    assert_eq!(voters(stage.node(1)).into_iter().collect::<Vec<_>>(), ["node1", "node2", "node3"]);
    assert_eq!(access(stage.node(3)), access(stage.node(2)), "modes and owners, the disturbed node's first");
    post_conditions(&stage, &Expected { control_planes: 3, uploaded: true, coredns: true });
}

/// Where a run can be killed: after the first of each kind of record that each phase wrote in the node's only run.
fn places(node: &Node) -> Vec<String> {
    let [run] = journals(node).try_into().unwrap();
    let records = fs::read_to_string(run).unwrap();
    let mut owners = BTreeMap::new();
    let mut places: Vec<String> = Vec::new();
    for line in records.lines() {
        let (phase, what) = match serde_json::from_str(line).unwrap() {
            Record::Started { phase } => (phase, "started"),
            Record::Scratch { phase, .. } => (phase, "scratch"),
            Record::Sealed { phase, .. } => (phase, "sealed"),
            Record::Intended { phase, id, .. } => {
                owners.insert(id, phase.clone());
                (phase, "intended")
            }
            // Just before it: that the effect has happened is known to nobody yet.
            Record::Settled { id, .. } => (owners[&id].clone(), "settle"),
            Record::Finished { phase, .. } => (phase, "finished"),
            _ => continue,
        };
        let place = format!("{phase}:{what}");
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn journals(node: &Node) -> Vec<PathBuf> {
    let runs = fs::read_dir(node.path(STATE_DIR).join("runs")).unwrap();
    runs.map(|run| run.unwrap().path().join("journal.jsonl")).collect()
}

/// The last run repeats nothing that an earlier one finished.
fn goes_on(ended: &Ended) {
    let (_, resumes, plan) = ended.begun();
    assert!(resumes.is_some(), "{}", ended.said());
    let again = plan.iter().filter(|phase| phase.finished && ended.started().contains(phase.path.as_str()));
    let again: Vec<_> = again.map(|phase| &phase.path).collect();
    assert_eq!(again, [""; 0]);
}

/// Modes and owners of all that a join leaves.
fn access(node: &Node) -> BTreeMap<String, String> {
    let alone = ["/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env"];
    let found = tree(node, ["/etc/kubernetes"].into_iter().chain(alone));
    found.into_iter().map(|(path, entry)| (path, entry.access())).collect()
}
