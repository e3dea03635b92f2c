//! Every version has a cluster that stands in.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use kubewright_node::ObjectRef;

use super::*;

#[test]
fn stands_in_for_a_cluster_of_every_version() {
    let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    for minor in kubewright_config::known_minors() {
        let version = format!("v1.{minor}.0").parse().unwrap();
        let made = objects(Some(&version), None, now).unwrap_or_else(|error| panic!("{version}: {error:?}"));
        let name = ObjectRef::namespaced("v1", "ConfigMap", "kube-system", "kubeadm-config");
        let stored = made.iter().find(|object| ObjectRef::of(object) == Some(name.clone())).unwrap();
        assert!(stored["data"]["ClusterConfiguration"].as_str().unwrap().contains(&version.to_string()));
    }
}
