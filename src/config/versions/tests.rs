#![allow(clippy::unwrap_used)]

use super::*;
use crate::facts::{ApiVersion, Confidence};

fn facts(version: &str) -> VersionFacts {
    facts_for(&version.parse().unwrap()).unwrap()
}

#[test]
fn every_minor_is_complete() {
    let table = table().unwrap();
    let mut sockets = BTreeSet::new();
    for minor in table.minors.keys() {
        for facts in table.decode(*minor).unwrap().values() {
            sockets.extend(facts.kubelet.known_cri_sockets.iter().map(|known| known.probe.clone()));
        }
    }
    assert_eq!(cri_socket_paths(), sockets);
    assert_eq!(known_minors().collect::<Vec<_>>(), (20..=37).collect::<Vec<_>>());
    for minor in known_minors() {
        let facts = facts(&format!("v1.{minor}.0"));
        assert!(facts.api.read.contains(&facts.api.write));
        assert!(!facts.node.labels.is_empty() && !facts.node.taints.is_empty());
        assert!(crate::version::loose(&facts.images.etcd).is_some());
    }
}

#[test]
fn patch_releases_change_their_minor_only() {
    assert_eq!(facts("v1.24.8").images.etcd, "3.5.5-0");
    assert_eq!(facts("v1.24.8").images.repository, "k8s.gcr.io");
    assert_eq!(facts("v1.24.17").images.repository, "registry.k8s.io");
    assert_eq!(facts("v1.30.4").images.coredns, "v1.11.1");
    assert_eq!(facts("v1.30.5").images.coredns, "v1.11.3");
    assert_eq!(facts("v1.31.0").images.coredns, "v1.11.1");
    assert_eq!(facts("v1.36.0").credentials.kubelet_client_organization.as_deref(), Some("kubeadm:cluster-admins"));
    assert_eq!(facts("v1.36.1").credentials.kubelet_client_organization, None);
}

#[test]
fn the_oldest_and_the_default_differ_where_they_must() {
    let old = facts("v1.20.2");
    assert_eq!(old.kubelet.config_map, "kubelet-config-1.20");
    assert_eq!((old.api.write, old.api.cluster_status), (ApiVersion::V1beta2, true));
    assert_eq!(old.etcd.args_for(&old.images.etcd), []);
    assert_eq!(old.scheduler.args.len(), 1);
    let new = facts_for(&default_version()).unwrap();
    assert_eq!(new.confidence, Confidence::High);
    assert_eq!(new.kubelet.config_map, "kubelet-config");
    assert_eq!((new.api.write, new.api.cluster_status), (ApiVersion::V1beta4, false));
    assert_eq!(new.scheduler.args, []);
    assert_eq!(new.static_pod.priority, Some(2_000_001_000));
}

#[test]
fn certificates_change_with_the_minor() {
    let habits = |version| {
        let credentials = facts(version).minor.credentials;
        let (serial_zero, with_authority) = (credentials.authority_serial_zero, credentials.leaf_starts_with_authority);
        (serial_zero, credentials.backdate_seconds, with_authority)
    };
    assert_eq!(habits("v1.20.2"), (true, 0, true));
    assert_eq!(habits("v1.24.17"), (true, 0, true));
    assert_eq!(habits("v1.27.3"), (true, 0, true));
    assert_eq!(habits("v1.27.4"), (false, 0, true));
    assert_eq!(habits("v1.25.13"), (false, 300, true));
    assert_eq!(habits("v1.27.16"), (false, 300, true));
    assert_eq!(habits("v1.28.0"), (false, 300, true));
    assert_eq!(habits("v1.30.14"), (false, 300, true));
    assert_eq!(habits("v1.31.0"), (false, 300, false));
    assert_eq!(habits("v1.36.2"), (false, 300, false));
}

#[test]
fn etcd_flags_follow_the_image() {
    let new = facts("v1.36.2");
    let names = |tag| new.etcd.args_for(tag).into_iter().map(|arg| arg.name).collect::<Vec<_>>();
    assert_eq!(names("3.6.8-0"), ["feature-gates", "watch-progress-notify-interval"]);
    assert_eq!(names("latest"), ["feature-gates", "watch-progress-notify-interval"]);
    assert_eq!(
        names("3.5.24-0"),
        ["experimental-initial-corrupt-check", "experimental-watch-progress-notify-interval"]
    );
}

#[test]
fn unknown_versions_name_the_range() {
    for text in ["v1.19.16", "v1.38.0", "v2.30.0"] {
        let error = facts_for(&text.parse().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), format!("Kubernetes {text} is not among the supported versions 1.20 to 1.37"));
    }
}

#[test]
fn changes_merge_remove_and_replace() {
    let mut value = serde_json::json!({"a": {"b": 1, "c": 2}, "d": [1], "e": 1});
    merge(&mut value, &serde_json::json!({"a": {"b": "~remove", "f": {"g": 1}}, "d": [], "e": null}));
    assert_eq!(value, serde_json::json!({"a": {"c": 2, "f": {"g": 1}}, "d": [], "e": null}));
}
