//! Dry-run is true: it changes nothing, and tells just what a real run does.

use std::collections::BTreeMap;

use kubewright_host::DryKind;
use kubewright_node::ObjectRef;
use serde_json::Value as Json;

use super::case::{Case, Command, EXTERNAL_ETCD};
use super::end_state::EndState;
use super::joining::{BOOTSTRAP_CONF, KUBELET_CONF};
use super::machine::{KUBELET_PEM, Machine, Ran};
use super::snapshot::{Entry, files};

#[test]
fn tells_what_a_real_run_does_and_changes_nothing() {
    for case in Case::every() {
        let machine = Machine::new(&case);
        let init = case.command == Command::Init;
        let (before, stood) = (machine.node.tree(), files(&machine.node));
        let (dry, overlay, sent) = machine.dry_run();
        let dry = dry.succeeded("the dry run");
        assert_eq!(machine.node.tree(), before, "{case:?}: files changed");
        assert_eq!(machine.node.services.calls(), [""; 0]);
        match init {
            true => assert_eq!(machine.node.kube.requests(), [""; 0]),
            false => assert_eq!((machine.node.kube.changes(), machine.node.etcd.changes()), (vec![], vec![])),
        }
        assert_eq!(machine.node.runtime.pulls(), [""; 0]);
        // Checks are made as in a real run, and an external etcd is there before the cluster.
        let asked = machine.node.health.asked();
        assert!(asked.iter().all(|url| url.starts_with(EXTERNAL_ETCD)), "{case:?}: it needs no cluster: {asked:?}");

        let promises = overlay.changes().unwrap();
        let live = machine.run(super::machine::Ask::default()).succeeded("the real run after it");
        assert_eq!(transcript(&dry), transcript(&live), "{case:?}: the transcripts differ");

        let made = files(&machine.node);
        let mut promised = BTreeMap::new();
        for change in promises {
            let stands = stood.contains_key(change.path.as_str());
            assert_eq!(change.kind, if stands { DryKind::Replaced } else { DryKind::Added }, "{}", change.path);
            promised.insert(change.path.to_string(), (change.mode.0, change.contents.unwrap().as_bytes().to_vec()));
        }
        // A provided kubelet.conf changes only where a kubelet gets a certificate of its own.
        let kept = |path: &str, entry: &Entry| {
            stood.get(path).is_some_and(|stands| stands == entry || path.ends_with("/kubelet.conf"))
        };
        let joins = !init && case.command != Command::Renew;
        let kubelets =
            |path: &str| (path == KUBELET_PEM && case.command != Command::Renew) || (joins && path == KUBELET_CONF);
        for (path, entry) in made.iter().filter(|(path, entry)| !kubelets(path) && !kept(path, entry)) {
            let Entry::File { mode, bytes, .. } = entry else { continue };
            let (promised_mode, promised_bytes) =
                promised.remove(path).unwrap_or_else(|| panic!("{case:?}: the dry run did not tell of {path}"));
            assert_eq!(promised_mode, *mode, "{case:?}: {path}");
            if !random(path) {
                assert_eq!(promised_bytes, bytes.to_vec(), "{case:?}: {path} holds something else");
            }
        }
        assert!(promised.is_empty(), "{case:?}: told of, but not written: {:?}", promised.keys());

        let changes = machine.node.kube.changes();
        let sent_live = |object: &Json| {
            let name = ObjectRef::of(object).unwrap().to_string();
            changes.iter().any(|change| *change == format!("create {name}") || *change == format!("update {name}"))
        };
        let objects = machine.node.kube.objects().into_iter().filter(sent_live).collect();
        assert_eq!(names(sent.objects()), names(objects), "{case:?}: objects");
        let patched: Vec<_> = sent.patches().iter().map(|(name, _)| format!("patch {name}")).collect();
        let mut patches = changes.clone();
        patches.retain(|request| request.starts_with("patch "));
        assert_eq!(patched, patches, "{case:?}: patches");
    }
}

fn names(objects: Vec<Json>) -> Vec<String> {
    let names = objects.iter().map(|object| ObjectRef::of(object).unwrap().to_string());
    // The kubelet makes the Node, and tokens have random names.
    names.filter(|name| !name.starts_with("Node ") && !random_token(name)).collect()
}

/// Nobody answers at the endpoint: the run goes on with a made-up cluster, and asks nobody any more.
#[test]
fn a_join_needs_no_cluster_to_be_tried() {
    for command in [Command::JoinWorker, Command::JoinControlPlane] {
        for version in ["v1.36.2", "v1.20.2"] {
            let case = Case { command, version: version.into(), ..Case::uploading() };
            let machine = Machine::joining_by_token(&case);
            let before = machine.node.tree();
            let begun = std::time::Instant::now();
            let (ran, overlay, sent) = machine.dry_run();
            ran.succeeded("the dry run");
            assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{case:?}: it waits for somebody");
            assert_eq!(machine.node.tree(), before, "{case:?}: files changed");
            assert_eq!(machine.node.kube.requests(), [""; 0], "{case:?}");
            assert_eq!(machine.node.etcd.requests(), [""; 0], "{case:?}");
            assert_eq!(machine.node.discovery.asked().len(), 1, "{case:?}: {:?}", machine.node.discovery.asked());
            let plane = command == Command::JoinControlPlane;
            // The oldest keep a list of their API servers there.
            let listed =
                if plane && version == "v1.20.2" { vec!["ConfigMap kube-system/kubeadm-config"] } else { vec![] };
            assert_eq!(names(sent.objects()), listed, "{case:?}");
            let told: Vec<_> = overlay.changes().unwrap().iter().map(|change| change.path.to_string()).collect();
            for (path, there) in [
                ("/var/lib/kubelet/config.yaml", true),
                ("/etc/kubernetes/pki/ca.crt", true),
                ("/etc/kubernetes/pki/ca.key", plane),
                ("/etc/kubernetes/manifests/etcd.yaml", plane),
                (KUBELET_CONF, false),
                (BOOTSTRAP_CONF, false),
                (KUBELET_PEM, false),
            ] {
                assert_eq!(told.contains(&path.to_owned()), there, "{case:?}: {path} in {told:?}");
            }
        }
    }
}

#[test]
fn finds_nothing_to_do_on_a_finished_machine() {
    let case = Case::newest();
    let machine = Machine::finished(&case);
    let (before, end) = (machine.node.tree(), EndState::of(&machine.node));
    let (dry, overlay, _) = machine.dry_run();
    let dry = dry.succeeded("the dry run");
    assert_eq!(machine.node.tree(), before);
    assert!(overlay.changes().unwrap().is_empty(), "{:?}", overlay.changes());
    let files: Vec<_> = dry.effects.iter().filter(|(_, effect)| effect.starts_with("write ")).collect();
    assert!(files.is_empty(), "it would write {files:?}");
    EndState::of(&machine.node).must_equal(&end, "after a dry run");
}

/// What was changed, by phase. The kubelet's own certificate appears only where a kubelet runs.
fn transcript(ran: &Ran) -> Vec<String> {
    let told = ran.effects.iter().filter(|(phase, _)| !phase.starts_with("kubelet-finalize/"));
    told.map(|(phase, effect)| {
        // Numbers of members are etcd's to give.
        let effect = match effect.strip_prefix("promote etcd member ") {
            Some(_) => "promote etcd member <number>",
            None if random_token(effect) => "apply Secret kube-system/bootstrap-token-<random>",
            None => effect,
        };
        format!("{phase}: {effect}")
    })
    .collect()
}

fn random_token(name: &str) -> bool {
    name.contains("Secret kube-system/bootstrap-token-") && !name.ends_with("-abcdef")
}

/// Keys, and what holds or was signed with them.
fn random(path: &str) -> bool {
    path.contains("/pki/") || path.ends_with(".conf")
}
