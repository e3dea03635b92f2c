//! The kubelet's part in joining etcd: a member is up once its static pod is on the node.

use std::fs;

use camino::Utf8Path;
use kubewright_host::Root;

use crate::FakeEtcd;

/// Starts the member that the node's etcd manifest is for, as the kubelet and etcd do: it must have been added and not
/// started, and `--initial-cluster` must name exactly the members.
///
/// # Panics
/// When its data directory cannot be made.
pub(crate) fn start_etcd(root: &Root, etcd: &FakeEtcd) {
    let Ok(manifest) = fs::read_to_string(root.place(Utf8Path::new("/etc/kubernetes/manifests/etcd.yaml"))) else {
        return;
    };
    let argument = |name: &str| {
        let lines = manifest.lines().map(|line| line.trim().trim_start_matches("- ").trim_matches('"'));
        lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).next().map(str::to_owned)
    };
    let (Some(name), Some(url), Some(cluster), Some(data)) = (
        argument("--name"),
        argument("--initial-advertise-peer-urls"),
        argument("--initial-cluster"),
        argument("--data-dir"),
    ) else {
        return;
    };
    let members = etcd.members();
    let Some(own) = members.iter().find(|member| !member.started() && member.peer_urls == [url.clone()]) else {
        return;
    };
    let mut told: Vec<_> = cluster.split(',').filter_map(|entry| entry.split_once('=')).map(|(_, url)| url).collect();
    let mut known: Vec<_> = members.iter().flat_map(|member| &member.peer_urls).map(String::as_str).collect();
    told.sort_unstable();
    known.sort_unstable();
    if told == known {
        fs::create_dir_all(root.place(Utf8Path::new(&data)).join("member")).expect("the data directory can be made");
        etcd.start(own.id, &name);
    }
}
