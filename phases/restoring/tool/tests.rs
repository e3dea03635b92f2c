//! Which tool is run, and what follows from how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "the made-up machine's files are real ones in a temporary directory"
)]

use std::fs;
use std::sync::Arc;

use kubewright_engine::{Capability as _, EffectLog, Events, Journal, World as _};
use kubewright_node::{NodeSession, Snapshots};
use kubewright_testkit::TestNode;

use super::*;

fn pod() -> EtcdPod {
    EtcdPod {
        name: "node1".into(),
        image: "registry.k8s.io/etcd:3.6.6-0".into(),
        data_dir: "/var/lib/etcd".into(),
        wal_dir: None,
        peer_url: "https://10.0.0.1:2380".into(),
        client_url: "https://10.0.0.1:2379".into(),
        initial: vec!["https://10.0.0.1:2380".into()],
        authority: "/etc/kubernetes/pki/etcd/ca.crt".into(),
        certificate: "/etc/kubernetes/pki/etcd/server.crt".into(),
        key: "/etc/kubernetes/pki/etcd/server.key".into(),
    }
}

fn back() -> PutBack {
    PutBack { data_dir: "/var/lib/etcd".into(), name: "now".into() }
}

#[test]
fn the_tool_gets_this_member_alone() {
    let program = program("etcdutl", true, &pod(), "/keep/one.db".into(), &back(), "");
    assert_eq!(
        program.command,
        [
            "etcdutl",
            "snapshot",
            "restore",
            "/snapshot/one.db",
            "--data-dir=/data/restore-now/making",
            "--name=node1",
            "--initial-cluster=node1=https://10.0.0.1:2380",
            "--initial-advertise-peer-urls=https://10.0.0.1:2380",
            "--bump-revision=1000000000",
            "--mark-compacted",
        ]
    );
    let mounts: Vec<_> = program.mounts.iter().map(|mount| (mount.machine.as_str(), mount.read_only)).collect();
    assert_eq!(mounts, [("/keep", true), ("/var/lib/etcd", false)]);
    assert_eq!(program.log, "/var/lib/etcd/restore-now/tool.log");
}

#[test]
fn a_tool_that_is_not_in_the_image_is_told_from_one_that_fails() {
    let failed = |call| Failure::from(RuntimeError::Failed { socket: "s".into(), call, message: "no".into() });
    assert!(is_absent(&failed("StartContainer").context("more")));
    assert!(is_absent(&failed("CreateContainer")));
    assert!(!is_absent(&failed("RunPodSandbox")));
    assert!(!is_absent(&Failure::new("no")));
}

fn session(node: &TestNode) -> NodeSession {
    node.world().begin(EffectLog::new("data", Arc::new(Journal::discarding("run")), Events::channel().0))
}

/// Runs the tool on a node whose runtime answers so, and says what was tried, and how it ended.
async fn tried(
    answer: impl Fn(&OneShot, &Utf8Path) -> Result<i32, RuntimeError> + Send + 'static,
) -> (Vec<String>, Result<bool, Failure>) {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::from_path_buf(dir.path().to_path_buf()).unwrap();
    let node = kubewright_testkit::node(&root);
    node.runtime.on_once(move |program| answer(program, &root.join("var/lib/etcd/restore-now")));
    let session = session(&node);
    let (files, services) = (Files::of(&session), Services::of(&session));
    let (runtime, snapshots) = (Runtime::of(&session), Snapshots::of(&session));
    let report = Report::new("data", Events::channel().0);
    let hands = Restoring {
        files: &files,
        services: &services,
        runtime: &runtime,
        socket: "unix:///run/containerd/containerd.sock",
        snapshots: &snapshots,
        report: &report,
    };
    let ended = make(&pod(), "/keep/one.db".into(), &back(), &hands).await;
    let word = |program: &OneShot| {
        let raise = if program.command.contains(&RAISE.to_owned()) { ", raising" } else { "" };
        format!("{}{raise}", program.command[0])
    };
    (node.runtime.run_once().iter().map(word).collect(), ended)
}

fn absent() -> RuntimeError {
    RuntimeError::Failed { socket: "s".into(), call: "StartContainer", message: "no such executable".into() }
}

#[tokio::test]
async fn an_old_tool_is_asked_for_what_it_knows() {
    let (tried, ended) = tried(|program, directory| match program.command[0].as_str() {
        "etcdutl" => Err(absent()),
        _ if program.command.contains(&RAISE.to_owned()) => {
            let line = "2026-01-02T03:04:05.6Z stderr F Error: unknown flag: --bump-revision\n";
            fs::write(directory.join("tool.log"), line).unwrap();
            Ok(1)
        }
        _ => Ok(0),
    })
    .await;
    assert_eq!(tried, ["etcdutl, raising", "etcdctl, raising", "etcdctl"]);
    assert!(!ended.unwrap());
}

#[tokio::test]
async fn a_copy_that_the_tool_refuses_is_told_in_its_words() {
    let (tried, ended) = tried(|_, directory| {
        fs::write(directory.join("tool.log"), "2026-01-02T03:04:05.6Z stderr F Error: expected sha256\n").unwrap();
        Ok(1)
    })
    .await;
    assert_eq!(tried, ["etcdutl, raising"]);
    let told = ended.unwrap_err().to_string();
    assert!(told.contains("code 1: Error: expected sha256"), "{told}");
}

#[tokio::test]
async fn an_image_without_tools_is_told() {
    let (_, ended) = tried(|_, _| Err(absent())).await;
    let failure = ended.unwrap_err();
    assert!(failure.to_string().contains("neither etcdutl nor etcdctl could be started"), "{failure}");
    assert!(failure.hints()[0].contains("/etc/kubernetes/manifests/etcd.yaml"));
}
