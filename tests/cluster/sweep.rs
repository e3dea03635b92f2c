//! `init` and `join`, killed at every call that changes something and at every request, on real nodes.
//!
//! A cluster takes too long to make one for every death, so each is made once, by the same command again and again: every
//! run is killed at the first call that none was killed at before. What is left after hundreds of deaths must be what one
//! undisturbed run leaves. By hand: `KUBEWRIGHT_SWEEP=all cargo lab test cluster::sweep`; CI takes one call of many.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;

use kubewright_crash::{Call, Kind, Then, Watcher, trace, tree};
use kubewright_engine::{Record, RunOutcome};
use kubewright_lab::Node;
use serde_json::{Value as Json, json};

use super::command::Kubewright;
use super::members::voters;
use super::post_conditions::{Expected, post_conditions};
use super::stage::{Stage, ours};
use crate::laws::end_state::differences;
use crate::recovery::site::{all_of_it, in_words};

#[test]
#[ignore = "needs lab nodes"]
fn init_and_a_workers_join_end_the_same_whatever_call_they_die_at() {
    let stage = Stage::with_nodes(2);
    let cluster = stage.cluster(ours(), ours(), 1, 1);
    let (first, second) = (stage.node(1), stage.node(2));
    let init = cluster.write_init(first).unwrap();
    Kubewright::on(first).words(["init", "--config"]).word(&init).succeed();
    let join = cluster.write_join(second, &cluster.ticket(first, false).unwrap(), false).unwrap();
    Kubewright::on(second).words(["join", "--config"]).word(&join).succeed();
    stage.wait_until_up(1, 1);
    let undisturbed = (files(first), files(second), objects(first));
    (1..=2).for_each(|number| stage.reset(number));

    march(first, "init", &init, 20, 25);
    let join = cluster.write_join(second, &cluster.ticket(first, false).unwrap(), false).unwrap();
    march(second, "join", &join, 10, 10);
    stage.wait_until_up(1, 1);
    assert_eq!(differences(&files(first), &undisturbed.0), [""; 0], "the control plane");
    assert_eq!(differences(&files(second), &undisturbed.1), [""; 0], "the worker");
    assert_eq!(differences(&objects(first), &undisturbed.2), [""; 0], "objects");
    post_conditions(&stage, &Expected::of(1, 1));
}

#[test]
#[ignore = "needs lab nodes"]
fn a_control_planes_join_ends_the_same_whatever_call_it_dies_at() {
    let stage = Stage::with_nodes(3);
    let cluster = stage.cluster(ours(), ours(), 3, 0);
    cluster.balance().unwrap();
    let (first, second, third) = (stage.node(1), stage.node(2), stage.node(3));
    let init = cluster.write_init(first).unwrap();
    Kubewright::on(first).words(["init", "--config"]).word(&init).succeed();
    let ticket = cluster.ticket(first, true).unwrap();
    let join = cluster.write_join(second, &ticket, true).unwrap();
    march(second, "join", &join, 25, 10);
    let join = cluster.write_join(third, &ticket, true).unwrap();
    Kubewright::on(third).words(["join", "--config"]).word(&join).succeed();
    stage.wait_until_up(3, 0);
    assert_eq!(voters(first), (1..=3).map(|number| stage.node(number).name()).collect::<BTreeSet<_>>());

    // Who joins later knows one member of etcd more; all else is alike but for name and address.
    let alike = |node: &Node| {
        let mask = |text: &str| text.replace(&node.name(), "<name>").replace(&node.address(), "<address>");
        let files = files(node).into_iter().map(|(path, says)| {
            let lines = says.lines().filter(|line| !line.contains("--initial-cluster="));
            (path, mask(&lines.collect::<Vec<_>>().join("\n")))
        });
        files.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(differences(&alike(second), &alike(third)), [""; 0], "the one that died, and the one that did not");
}

/// Runs the command until it succeeds, and kills each run at the first call that is new, or in CI at one of `step` of them.
fn march(node: &Node, workflow: &str, config: &Path, step: usize, at_least: usize) {
    let (start, step) = (Instant::now(), if all_of_it() { 1 } else { step });
    let words = ["kubewright".as_ref(), workflow.as_ref(), "--config".as_ref(), config.as_os_str()];
    let (mut known, mut deaths) = (HashSet::new(), Vec::new());
    loop {
        let command = node.command(words).unwrap();
        let (phase, times) = (String::new(), HashMap::new());
        let mut run = Run { known: &mut known, step, new: 0, phase, times, last: None, closed: false };
        let ended = trace(&command, OsStr::new("kubewright"), &mut run).unwrap();
        match (ended.killed, run.last) {
            (true, last) => deaths.extend(last),
            (false, _) if ended.succeeded() => break,
            (false, _) => {
                let last = &deaths[deaths.len().saturating_sub(3)..];
                panic!("after {} deaths, the last at {last:#?}:\n{}", deaths.len(), ended.said)
            }
        }
    }
    let mut phases: BTreeMap<&str, usize> = BTreeMap::new();
    for death in &deaths {
        *phases.entry(death.split(' ').next().unwrap_or_default()).or_default() += 1;
    }
    let (deaths, calls, seconds) = (deaths.len(), known.len(), start.elapsed().as_secs());
    println!(
        "{workflow} on {}: {deaths} deaths at {calls} calls, then success, in {seconds} s; {phases:?}",
        node.name()
    );
    assert!(deaths >= at_least, "it hardly died");
}

/// One run on the march. A call is known by its phase, its name, its object, and how often that was before in the phase.
struct Run<'a> {
    known: &'a mut HashSet<String>,
    step: usize,
    new: usize,
    phase: String,
    times: HashMap<String, usize>,
    last: Option<String>,
    /// Whether it is written down that the run has succeeded.
    closed: bool,
}

impl Watcher for Run<'_> {
    fn before(&mut self, call: &Call) -> Then {
        // Who has succeeded says goodbye to servers, and no more: who dies then has nothing left to do, and the same command
        // would be another one, for a machine that is a node.
        if self.closed && matches!(call.kind, Kind::Send { .. }) {
            return Then::GoOn;
        }
        if let Kind::Write { path, bytes, .. } = &call.kind
            && path.ends_with("/journal.jsonl")
        {
            match serde_json::from_slice(bytes) {
                Ok(Record::Started { phase }) => self.phase = phase,
                Ok(Record::Closed { outcome: RunOutcome::Succeeded }) => self.closed = true,
                _ => {}
            }
        }
        let what = format!("{} {}", self.phase, without_numbers(&call.to_string()));
        let times = self.times.entry(what.clone()).or_default();
        *times += 1;
        // Whoever waits asks again and again, and one question is like another.
        if *times > MOST_ALIKE || !self.known.insert(format!("{what} {times}")) {
            return Then::GoOn;
        }
        self.new += 1;
        if self.new < self.step {
            return Then::GoOn;
        }
        self.last = Some(format!("{what} {times}"));
        Then::Kill
    }
}

/// A run's identifier and time are others each time.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        out.push_str(if digits >= 6 { "N" } else { &part[..digits] });
        out.push_str(&part[digits..]);
    }
    out
}

/// What the command has written on a node, without what is random.
fn files(node: &Node) -> BTreeMap<String, String> {
    let mut found: tree::Tree = tree::read(&node.path("/etc/kubernetes"))
        .into_iter()
        .map(|(path, entry)| (format!("etc/kubernetes/{path}"), entry))
        .collect();
    for name in ["config.yaml", "kubeadm-flags.env"] {
        let path = format!("var/lib/kubelet/{name}");
        found.insert(path.clone(), kubewright_crash::Entry::of(&node.path(&format!("/{path}"))).unwrap());
    }
    in_words(&found)
}

/// The cluster's objects, without what is random or the servers' own.
fn objects(first: &Node) -> BTreeMap<String, Json> {
    let kinds = "configmaps,secrets,roles,rolebindings,serviceaccounts,daemonsets,deployments,services,clusterroles,\
        clusterrolebindings,nodes";
    let list: Json = serde_json::from_str(&first.run(["kubectl", "get", "-A", "-o", "json", kinds]).unwrap()).unwrap();
    let authority = std::fs::read_to_string(first.path("/etc/kubernetes/pki/ca.crt")).unwrap();
    let encoded = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(&authority)
    };
    let escaped = json!(authority).to_string();
    let mut objects = BTreeMap::new();
    for mut object in list["items"].as_array().unwrap().clone() {
        let metadata = object["metadata"].as_object_mut().unwrap();
        for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"] {
            metadata.remove(field);
        }
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let elects = metadata.get("annotations").is_some_and(|found| found.to_string().contains("/leader"));
        let (kind, mut name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        object.as_object_mut().unwrap().remove("status");
        match kind.as_str() {
            _ if elects => continue,
            // Of another authority, and kept by the API server.
            "ConfigMap" if name == "extension-apiserver-authentication" => continue,
            "ConfigMap" if name == "cluster-info" => {
                let data = object["data"].as_object_mut().unwrap();
                data.retain(|key, _| !key.starts_with("jws-kubeconfig-"));
            }
            "Secret" if name.starts_with("bootstrap-token-") => {
                name = "bootstrap-token".into();
                object["metadata"]["name"] = json!(name);
                for field in ["token-id", "token-secret", "expiration"] {
                    object["data"].as_object_mut().unwrap().remove(field);
                }
            }
            // Those of service accounts.
            "Secret" => continue,
            "ServiceAccount" => {
                object.as_object_mut().unwrap().remove("secrets");
            }
            "Node" => {
                let spec = object["spec"].as_object_mut().unwrap();
                if let Some(Json::Array(mut taints)) = spec.remove("taints") {
                    // Those come and go with what the node's controller sees, and the list with the last of them.
                    taints.retain(|taint| !text(&taint["key"]).starts_with("node.kubernetes.io/"));
                    if !taints.is_empty() {
                        spec.insert("taints".into(), taints.into());
                    }
                }
            }
            _ => {}
        }
        let namespace = text(&object["metadata"]["namespace"]);
        let masked = object.to_string().replace(&encoded, "<ca>").replace(escaped.trim_matches('"'), "<ca>");
        objects.insert(format!("{kind} {namespace}/{name}"), serde_json::from_str(&masked).unwrap());
    }
    objects
}

/// How often a call that is like others of its phase is one to die at.
const MOST_ALIKE: usize = 40;
