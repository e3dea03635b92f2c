//! A cluster's members as etcd and the API server know them, and how they are taken out again.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use kubewright_config::yaml;
use kubewright_lab::{LabError, Node, SOCKET};
use serde_json::Value as Json;

use super::command::Kubewright;
use super::stage::{Stage, said};

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

/// Which of these nodes has etcd's leader; each is asked itself.
pub fn leader<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> &'a Node {
    let leads = |node: &&Node| {
        let status: Json = serde_json::from_str(&etcdctl(node, &["endpoint", "status", "-w", "json"])).unwrap();
        let status = &status[0]["Status"];
        status["leader"] == status["header"]["member_id"]
    };
    nodes.into_iter().find(leads).expect("one of them leads")
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
    wait_for_leader(first);
    forget(first, &names);
    if stage.facts().api.cluster_status {
        forget_endpoints(first, &server(first), &names);
    }
}

/// How long etcd may find a member too young to let another one go. It wants the rest to be connected for 5 s
/// (`HealthInterval`), and a connection that breaks begins anew.
const SETTLING: Duration = Duration::from_secs(60);
/// What is answered while etcd settles: a member is younger than its strict check of a reconfiguration wants, or the leader went
/// with the request, which may have been carried out all the same. Nothing at all is answered to a change that reaches a leader
/// before it has applied the change before: raft makes an empty entry of it (`pendingConfIndex`), and etcd waits for what never
/// comes until the client has gone.
const SETTLES: [&str; 5] = [
    "etcdserver: unhealthy cluster",
    "etcdserver: request timed out",
    "etcdserver: leader changed",
    "etcdserver: no leader",
    "context deadline exceeded",
];

/// Removes a member by its number, and waits for an etcd that settles; any other answer is a failure.
fn remove(first: &Node, id: &str) {
    let begun = Instant::now();
    for refused in 0.. {
        match try_etcdctl(first, &["member", "remove", id]) {
            Ok(_) if refused == 0 => return,
            Ok(_) => break,
            Err(LabError::Command { output, .. })
                if SETTLES.iter().any(|answer| output.contains(answer)) && begun.elapsed() < SETTLING =>
            {
                if members(first).iter().all(|member| member.id != id) {
                    break;
                }
                sleep(Duration::from_millis(500));
            }
            Err(error) => panic!("etcd does not let {id} go: {error}"),
        }
    }
    eprintln!("etcd let {id} go after {:.1} s", begun.elapsed().as_secs_f64());
}

/// Waits until this node's etcd answers what needs a leader. When the leader has left, the others elect one, and API servers
/// pass on what etcd says meanwhile: `leader changed`, `request timed out`.
pub fn wait_for_leader(node: &Node) {
    let begun = Instant::now();
    while let Err(error) = try_etcdctl(node, &["endpoint", "health"]) {
        assert!(begun.elapsed() < SETTLING, "etcd on {} has no leader: {error}", node.name());
        sleep(Duration::from_millis(200));
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
    wait_for_leader(first);
    assert_eq!(voters(first), wanted, "after {name} has left");
    let listed = listed_planes(stage, first);
    assert!(listed.is_none_or(|listed| listed == wanted), "{name} stays in ClusterStatus:\n{}", ended.said());
    assert!(!node.path("/etc/kubernetes/kubelet.conf").exists() && !node.path("/var/lib/etcd/member").exists());
    let role = if plane { "control plane" } else { "worker" };
    eprintln!("{name}, a {role}, left in {:.1} s", begun.elapsed().as_secs_f64());
    forget(first, &[name]);
}

/// Takes a node out of the cluster with the real kubeadm's `reset`, which takes it for one of its own. Containers go on where
/// there is no crictl for old kubeadms.
pub fn leave_by_the_peer(stage: &Stage, node: &Node, first: &Node) {
    let name = node.name();
    let mut wanted = voters(first);
    wanted.remove(&name);
    let output = node.exec(["kubeadm", "reset", "--force", "--cri-socket", SOCKET]).unwrap();
    let said = said(&output);
    assert!(output.status.success() && !said.contains("Failed to remove etcd member"), "{name}:\n{said}");
    wait_for_leader(first);
    assert_eq!(voters(first), wanted, "after {name} has left:\n{said}");
    assert!(
        listed_planes(stage, first).is_none_or(|listed| listed == wanted),
        "{name} stays in ClusterStatus:\n{said}"
    );
    for path in ["/etc/kubernetes/kubelet.conf", "/etc/kubernetes/pki/ca.crt", "/var/lib/etcd/member"] {
        assert!(!node.path(path).exists(), "{name} keeps {path}:\n{said}");
    }
    forget(first, &[name]);
}

/// Deletes the Node objects of nodes that are gone.
fn forget(first: &Node, names: &[String]) {
    let server = server(first);
    let mut words = vec!["kubectl", &server, "delete", "node", "--ignore-not-found", "--wait=false"];
    words.extend(names.iter().map(String::as_str));
    first.run(words).unwrap();
}

/// Takes control planes out of the `ClusterStatus` that old releases keep, so that whoever joins next writes it again.
fn forget_endpoints(first: &Node, server: &str, names: &[String]) {
    let (mut object, mut status) = cluster_status(first);
    status["apiEndpoints"].as_object_mut().unwrap().retain(|name, _| !names.contains(name));
    object["data"]["ClusterStatus"] = yaml::to_string(&status).as_str().into();
    let mut command = first.command(["kubectl", server, "replace", "-f", "-"]).unwrap();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "kubeadm-config was changed by somebody else");
}

/// The control planes in the `ClusterStatus` that old releases keep; `None` in newer ones. Asked is one that stays.
pub fn listed_planes(stage: &Stage, first: &Node) -> Option<BTreeSet<String>> {
    if !stage.facts().api.cluster_status {
        return None;
    }
    let (_, status) = cluster_status(first);
    Some(status["apiEndpoints"].as_object().unwrap().keys().cloned().collect())
}

/// The ConfigMap `kubeadm-config`, and its `ClusterStatus` as data.
fn cluster_status(first: &Node) -> (Json, Json) {
    let server = server(first);
    let get = ["kubectl", &server, "get", "-n", "kube-system", "configmap", "kubeadm-config", "-o", "json"];
    let object: Json = serde_json::from_str(&first.run(get).unwrap()).unwrap();
    let text = object["data"]["ClusterStatus"].as_str().unwrap().to_owned();
    (object, yaml::document(text.as_bytes()).unwrap().value().clone())
}

/// Not the load balancer, which has yet to find out that a control plane is gone.
fn server(first: &Node) -> String {
    format!("--server=https://{}:6443", first.address())
}

/// etcd's own client on the first node, with the member's credentials.
pub fn etcdctl(first: &Node, words: &[&str]) -> String {
    try_etcdctl(first, words).unwrap()
}

fn try_etcdctl(first: &Node, words: &[&str]) -> Result<String, LabError> {
    let pki = |name: &str| format!("/etc/kubernetes/pki/etcd/{name}");
    let endpoint = format!("--endpoints=https://{}:2379", first.address());
    let mut all: Vec<String> = ["env", "ETCDCTL_API=3", "etcdctl", "--command-timeout=10s"].map(str::to_owned).into();
    all.push(endpoint);
    all.extend(
        [("cacert", "ca.crt"), ("cert", "server.crt"), ("key", "server.key")]
            .map(|(flag, file)| format!("--{flag}={}", pki(file))),
    );
    all.extend(words.iter().map(|word| (*word).to_owned()));
    first.run(all)
}
