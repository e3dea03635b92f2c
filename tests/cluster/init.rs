//! `init` from scratch: a control plane that works, and that the peer takes for one of its own.

use std::collections::BTreeMap;

use kubewright_engine::EventKind;
use kubewright_lab::{Node, Reader, SOCKET};

use super::command::Ended;
use super::other_versions::OtherVersions;
use super::post_conditions::Expected;
use super::stage::{Stage, said, succeed};
use super::tree::tree;
use super::{upgrade_plan, upgrade_policy};

#[test]
#[ignore = "needs lab nodes"]
fn a_control_plane_works_and_the_peer_agrees() {
    let stage = Stage::with_nodes(2);
    let (node, other) = (stage.node(1), stage.node(2));
    let by_peer = written_by_the_peer(&stage, other);
    stage.reset(2);

    let ended = stage.init().succeed();
    stage.wait_until_whole(&Expected::of(1, 0));

    node.run(["kubectl", "create", "configmap", "written", "--from-literal=a=b"]).unwrap();
    assert_eq!(node.run(["kubectl", "get", "configmap", "written", "-o", "jsonpath={.data.a}"]).unwrap(), "b");
    assert_eq!(by_peer, access(node), "modes and owners, the peer's first");
    assert!(ran_at_the_same_time(&ended), "no two phases ran at the same time");

    let token = printed(&ended.out, "--token");
    let listed = node.run(["kubeadm", "token", "list"]).unwrap();
    assert!(listed.contains(&token), "{listed}");
    let certificates = succeed(&mut node.command(["kubeadm", "certs", "check-expiration"]).unwrap());
    for name in ["admin.conf", "apiserver", "apiserver-etcd-client", "etcd-server", "front-proxy-client", "etcd-ca"] {
        let lines = certificates.lines().filter(|line| line.split_whitespace().next() == Some(name));
        let lines: Vec<_> = lines.collect();
        assert!(lines.len() == 1 && !lines[0].contains("missing"), "{name}:\n{certificates}");
    }

    join_by_the_peer(&ended, other, &[]);
    stage.wait_until_whole(&Expected::of(1, 1));
    let cluster = OtherVersions::of(&stage);
    std::thread::scope(|scope| {
        scope.spawn(|| upgrade_plan::agrees_with_the_peer(node, &cluster));
        upgrade_policy::agrees_with_the_peer(node, &cluster);
    });
}

/// Modes and owners of what the peer's `init` writes: its phases that write, since two control planes at once are more
/// than a small machine can start in the time that the peer grants.
fn written_by_the_peer(stage: &Stage, node: &Node) -> BTreeMap<String, String> {
    let file = stage.configuration(2, Reader::Kubeadm);
    for phase in ["certs all", "kubeconfig all", "etcd local", "control-plane all", "kubelet-start"] {
        let words = ["kubeadm", "init", "phase"].into_iter().chain(phase.split(' '));
        let output = node.exec(words.chain(["--config", &file.to_string_lossy()])).unwrap();
        assert!(output.status.success(), "{phase}:\n{}", said(&output));
    }
    access(node)
}

/// Modes and owners of everything below `/etc/kubernetes`, and of what `init` writes for the kubelet and etcd.
fn access(node: &Node) -> BTreeMap<String, String> {
    let alone = ["/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env"];
    let found = tree(node, ["/etc/kubernetes"].into_iter().chain(alone));
    assert!(found.len() > 35, "{:?}", found.keys());
    found.into_iter().map(|(path, entry)| (path, entry.access())).collect()
}

/// Joins the node as the last lines of `init` say, by the peer's `join`.
pub fn join_by_the_peer(ended: &Ended, node: &Node, control_plane: &[&str]) {
    let (token, hash) = (printed(&ended.out, "--token"), printed(&ended.out, "--discovery-token-ca-cert-hash"));
    let endpoint = printed(&ended.out, "join");
    let mut words = vec!["kubeadm", "join", &endpoint, "--token", &token, "--discovery-token-ca-cert-hash", &hash];
    words.extend(["--cri-socket", SOCKET, "--skip-phases=preflight"]);
    words.extend(control_plane);
    let output = node.exec(words).unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// The word after `flag` in the last command that was printed.
pub fn printed(text: &str, flag: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().rposition(|word| *word == flag);
    let found = at.and_then(|at| words.get(at + 1));
    (*found.unwrap_or_else(|| panic!("no `{flag}` was printed:\n{text}"))).to_owned()
}

fn ran_at_the_same_time(ended: &Ended) -> bool {
    let mut running = 0;
    ended.events.iter().any(|event| {
        match &event.kind {
            EventKind::PhaseStarted { .. } => running += 1,
            EventKind::PhaseFinished { .. } => running -= 1,
            _ => {}
        }
        running > 1
    })
}
