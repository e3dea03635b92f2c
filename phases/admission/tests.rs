#![allow(clippy::disallowed_methods, reason = "the made-up machine's files are real ones in a temporary directory")]

use std::fs;
use std::sync::Arc;

use kubewright_engine::{Capability, EffectLog, Event, EventKind, Events, Journal, World};
use kubewright_node::Sandbox;
use kubewright_testkit::TestNode;
use tempfile::TempDir;

use super::*;

/// A node with a kubelet that has its certificate, and the manifest of an API server.
struct Site {
    node: TestNode,
    _directory: TempDir,
}

fn site() -> Site {
    let directory = tempfile::tempdir().unwrap();
    let node = kubewright_testkit::node(Utf8Path::from_path(directory.path()).unwrap());
    let site = Site { node, _directory: directory };
    site.write(paths::KUBELET_CONF.into());
    site.write(&paths::static_pod("kube-apiserver"));
    site
}

impl Site {
    fn write(&self, path: &Utf8Path) {
        let place = self.node.root.place(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, "").unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.node.root.place(path.into())).unwrap();
    }

    fn runs(&self, name: &str) {
        let (id, name, namespace) = ("0".into(), name.into(), "kube-system".into());
        self.node.runtime.edit(|facts| facts.sandboxes.push(Sandbox { id, name, namespace }));
    }

    /// Waits for the API server as long as `limit`; gives what the wait did and what was warned of. The clock jumps.
    async fn wait(&self, limit: Duration) -> (bool, Vec<String>) {
        let world = self.node.world();
        let (events, mut heard) = Events::channel();
        let log = EffectLog::new("wait-control-plane", Arc::new(Journal::discarding("test")), events.clone());
        let session = world.begin(log);
        let (files, runtime, services) = (Files::of(&session), Runtime::of(&session), Services::of(&session));
        let (components, socket) = (&["kube-apiserver", "etcd"][..], "unix:///run/containerd/containerd.sock");
        let admission = Admission { components, socket, files: &files, runtime: &runtime, services: &services };
        let kubelet = || self.node.services.calls().iter().filter(|call| *call == "restart kubelet").count();
        let begun = Instant::now();
        let wait = async {
            let mut seconds = interval(Duration::from_secs(1));
            while begun.elapsed() < limit && kubelet() < 2 {
                seconds.tick().await;
            }
            Ok(kubelet() == 2)
        };
        let done = admission.secured(wait, &Report::new("wait-control-plane", events)).await.unwrap();
        let mut warnings = Vec::new();
        while let Ok(event) = heard.try_recv() {
            let Event { kind, .. } = event;
            if let EventKind::Warning { text, .. } = kind {
                warnings.push(text);
            }
        }
        (done, warnings)
    }
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn a_kubelet_that_refuses_a_pod_is_started_afresh_and_it_is_said() {
    let site = site();
    // One of the same beginning, and one elsewhere, are others.
    site.runs("kube-apiserverless-node1");
    let (again, warnings) = site.wait(LONG).await;
    assert!(again, "{warnings:?}");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("no pod of kube-apiserver for 30 s"), "{warnings:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_left_alone_while_nothing_is_missing() {
    let quiet = |site: Site| async move {
        let (again, warnings) = site.wait(LONG).await;
        assert!(!again && warnings.is_empty(), "{warnings:?} {:?}", site.node.services.calls());
    };
    let pod_runs = site();
    pod_runs.runs("kube-apiserver-node1");
    quiet(pod_runs).await;
    let no_certificate = site();
    no_certificate.remove(paths::KUBELET_CONF);
    quiet(no_certificate).await;
    let no_runtime = site();
    no_runtime.node.runtime.edit(|facts| facts.down = true);
    quiet(no_runtime).await;
    let no_init_system = site();
    no_init_system.node.services.take_away();
    quiet(no_init_system).await;
    let no_manifest = site();
    no_manifest.remove("/etc/kubernetes/manifests/kube-apiserver.yaml");
    quiet(no_manifest).await;
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_that_cannot_be_started_is_told_and_the_wait_goes_on() {
    let site = site();
    site.node.services.fail("restart kubelet", 1);
    let (_, warnings) = site.wait(LONG).await;
    assert!(warnings.iter().any(|text| text.contains("could not be started afresh")), "{warnings:?}");
}
