//! A cluster's members as etcd and the API server know them, and how they are taken out again.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use kubewright_config::yaml;
use kubewright_lab::{LabError, Node};
use serde_json::Value as Json;

use super::command::Kubewright;
use super::stage::Stage;

/// One line of `etcdctl member list`.
pub struct Member {
    id: String,
    pub name: String,
    started: bool,
    learner: bool,
}

/// etcd's members, as the first node's etcd tells them.
pub fn members(first: &Node) -> Vec<Member> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(", ").collect();
        let [id, status, name, _peer, _client, learner] = fields[..] else { panic!("unexpected: {line}") };
        Member { id: id.into(), name: name.into(), started: status == "started", learner: learner == "true" }
    };
    etcdctl(first, &["member", "list"]).lines().map(line).collect()
}

/// The names of those that have a vote and have been up.
pub fn voters(first: &Node) -> BTreeSet<String> {
    let members = members(first);
    let unfinished = members.iter().filter(|member| member.learner || !member.started).count();
    assert_eq!(unfinished, 0, "members that are no voters yet, or not up");
    members.into_iter().map(|member| member.name).collect()
}

/// Takes nodes out of the cluster, as an administrator does with machines that are gone for good.
pub fn take_out(stage: &Stage, numbers: impl IntoIterator<Item = usize>) {
    let first = stage.node(1);
    let numbers: Vec<usize> = numbers.into_iter().collect();
    let names: Vec<String> = numbers.iter().map(|number| stage.node(*number).name()).collect();
    // One after the other, and while they are up: etcd does not let go of a member that the rest needs for its quorum.
    for member in members(first).iter().filter(|member| names.contains(&member.name)) {
        remove(first, &member.id);
    }
    stage.reset_all(numbers);
    forget(stage, first, &names);
}

/// How long etcd may find a member too young to let another one go. It wants the rest to be connected for 5 s
/// (`HealthInterval`), and a connection that breaks begins anew.
const SETTLING: Duration = Duration::from_secs(60);

/// Removes a member by its number. Who joined last may be younger than what etcd's strict check of a reconfiguration wants, and
/// its answer is then that the cluster is unhealthy; any other answer is a failure.
fn remove(first: &Node, id: &str) {
    let begun = Instant::now();
    for refused in 0.. {
        match try_etcdctl(first, &["member", "remove", id]) {
            Ok(_) if refused == 0 => return,
            Ok(_) => return eprintln!("etcd let {id} go after {:.1} s", begun.elapsed().as_secs_f64()),
            Err(LabError::Command { output, .. })
                if output.contains("etcdserver: unhealthy cluster") && begun.elapsed() < SETTLING =>
            {
                sleep(Duration::from_millis(500));
            }
            Err(error) => panic!("etcd does not let {id} go: {error}"),
        }
    }
}

/// Takes a node out of the cluster with `reset`, as an administrator does with a machine that has another use. The others'
/// etcd shows it at once; `first` is one that stays.
pub fn leave(stage: &Stage, node: &Node, first: &Node) {
    let name = node.name();
    let mut wanted = voters(first);
    let plane = wanted.remove(&name);
    let begun = Instant::now();
    let ended = Kubewright::on(node).words(["reset", "--force"]).succeed();
    assert!(!ended.err.contains("Failed to"), "{name}:\n{}", ended.said());
    assert_eq!(voters(first), wanted, "after {name} has left");
    assert!(!node.path("/etc/kubernetes/kubelet.conf").exists() && !node.path("/var/lib/etcd/member").exists());
    let role = if plane { "control plane" } else { "worker" };
    eprintln!("{name}, a {role}, left in {:.1} s", begun.elapsed().as_secs_f64());
    forget(stage, first, &[name]);
}

/// Deletes the Node objects of nodes that are gone.
fn forget(stage: &Stage, first: &Node, names: &[String]) {
    // Not through the load balancer, which has yet to find out that a control plane is gone.
    let server = format!("--server=https://{}:6443", first.address());
    let mut words = vec!["kubectl", &server, "delete", "node", "--ignore-not-found", "--wait=false"];
    words.extend(names.iter().map(String::as_str));
    first.run(words).unwrap();
    if stage.facts().api.cluster_status {
        forget_endpoints(first, &server, names);
    }
}

/// Takes control planes out of the `ClusterStatus` that old releases keep, so that whoever joins next writes it again.
fn forget_endpoints(first: &Node, server: &str, names: &[String]) {
    let get = ["kubectl", server, "get", "-n", "kube-system", "configmap", "kubeadm-config", "-o", "json"];
    let mut object: Json = serde_json::from_str(&first.run(get).unwrap()).unwrap();
    let text = object["data"]["ClusterStatus"].as_str().unwrap().to_owned();
    let mut status = yaml::document(text.as_bytes()).unwrap().value().clone();
    status["apiEndpoints"].as_object_mut().unwrap().retain(|name, _| !names.contains(name));
    object["data"]["ClusterStatus"] = yaml::to_string(&status).as_str().into();
    let mut command = first.command(["kubectl", server, "replace", "-f", "-"]).unwrap();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "kubeadm-config was changed by somebody else");
}

fn etcdctl(first: &Node, words: &[&str]) -> String {
    try_etcdctl(first, words).unwrap()
}

fn try_etcdctl(first: &Node, words: &[&str]) -> Result<String, LabError> {
    let pki = |name: &str| format!("/etc/kubernetes/pki/etcd/{name}");
    let endpoint = format!("--endpoints=https://{}:2379", first.address());
    let mut all: Vec<String> = ["env", "ETCDCTL_API=3", "etcdctl", "--command-timeout=30s"].map(str::to_owned).into();
    all.push(endpoint);
    all.extend(
        [("cacert", "ca.crt"), ("cert", "server.crt"), ("key", "server.key")]
            .map(|(flag, file)| format!("--{flag}={}", pki(file))),
    );
    all.extend(words.iter().map(|word| (*word).to_owned()));
    first.run(all)
}
