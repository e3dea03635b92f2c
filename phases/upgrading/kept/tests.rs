#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use kubewright_engine::{Capability as _, EffectLog, Events, Journal, World as _};
use time::macros::datetime;

use super::*;

fn manifests() -> impl Iterator<Item = Component> {
    Component::ALL.into_iter()
}

fn kept() -> Kept {
    Kept {
        name: Kept::name(datetime!(2026-01-02 03:04:05 UTC), "v1.20.2", "v1.20.3"),
        command: "upgrade apply".into(),
        stage: Stage::Upgrading,
        to: "v1.20.3".into(),
        before: Before {
            cluster_configuration: String::new(),
            kubelet: String::new(),
            kube_proxy: None,
            kubelet_user_supplied: false,
            kube_proxy_user_supplied: false,
            node: "node1".into(),
            cri_socket: String::new(),
            endpoint: None,
        },
        pods: Vec::new(),
        files: Vec::new(),
        served: Vec::new(),
        snapshot: None,
        members: None,
        may_restore: false,
        restore: None,
    }
}

/// An upgrade that was refused for want of room, and another at once: on a fast machine both begin in the same second.
#[test]
fn two_upgrades_of_the_same_second_are_kept_apart_and_each_holds_what_it_goes_back_to() {
    let dir = tempfile::tempdir().unwrap();
    let node = kubewright_testkit::node(Utf8Path::from_path(dir.path()).unwrap());
    let log = EffectLog::new("control-plane", Arc::new(Journal::discarding("run")), Events::channel().0);
    let session = node.world().begin(log);
    let files = Files::of(&session);
    for component in manifests() {
        files.write(&component.manifest(), &Contents::public(component.name()), paths::SECRET_FILE).unwrap();
    }
    let may_change = || -> Vec<_> {
        let of = |component: Component| MayChange {
            path: component.manifest(),
            mode: paths::SECRET_FILE,
            component: Some(component),
        };
        manifests().map(of).chain([of_node(paths::SUPER_ADMIN_CONF, paths::SECRET_FILE)]).collect()
    };

    let mut refused = kept();
    refused.begin(may_change(), &files).unwrap();
    refused.stage = Stage::WentBack;
    refused.save(&files).unwrap();
    let mut second = kept();
    second.begin(may_change(), &files).unwrap();
    assert_ne!(refused.name, second.name);
    assert_eq!(Kept::newest(&files).unwrap(), Some(second.clone()));

    second.must_hold(manifests(), &files).unwrap();
    assert_eq!(second.put_back(Some(Component::Etcd), &files).unwrap(), [""; 0]);
    files.write(&Component::Etcd.manifest(), &Contents::public("new"), paths::SECRET_FILE).unwrap();
    assert_eq!(second.put_back(Some(Component::Etcd), &files).unwrap(), [Component::Etcd.manifest()]);
    assert_eq!(files.read(&Component::Etcd.manifest()).unwrap().unwrap().as_bytes(), b"etcd");
}

#[test]
fn a_record_without_manifests_is_nothing_to_go_back_to() {
    let dir = tempfile::tempdir().unwrap();
    let node = kubewright_testkit::node(Utf8Path::from_path(dir.path()).unwrap());
    let log = EffectLog::new("control-plane", Arc::new(Journal::discarding("run")), Events::channel().0);
    let session = node.world().begin(log);
    let error = kept().must_hold(manifests(), &Files::of(&session)).unwrap_err();
    assert!(error.to_string().ends_with("has no manifest of etcd; nothing was put back"), "{error}");
}
