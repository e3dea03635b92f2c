//! The static pod of a local etcd member.

use askama::Template;
use kubewright_config::images::{self, Image};
use kubewright_config::model::{Arg, LocalEtcd};
use kubewright_config::net;

use crate::mounts::Mount;
use crate::probes::{Probes, Target, loopback};
use crate::static_pod::{self, Parts};
use crate::{ControlPlaneNode, ManifestError, StaticPod, args, environment};

const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;
const METRICS_PORT: u16 = 2381;

/// A member of the etcd cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdMember {
    /// Its name, which is its node's.
    pub name: String,
    /// Where other members reach it, such as `https://10.0.0.1:2380`.
    pub peer_url: String,
}

impl EtcdMember {
    /// Reads a list such as `--initial-cluster` has.
    pub fn list(text: &str) -> Vec<Self> {
        let entries = text.split(',').filter_map(|entry| entry.split_once('='));
        entries.map(|(name, url)| Self { name: name.to_owned(), peer_url: url.to_owned() }).collect()
    }
}

/// How the member starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtcdStart<'a> {
    /// It is the first one of a new cluster.
    NewCluster,
    /// It joins these members; the list holds the new member too.
    Joining(&'a [EtcdMember]),
}

/// Makes the static pod of a local etcd member.
///
/// # Errors
/// The cluster's etcd is external.
pub fn etcd(node: &ControlPlaneNode<'_>, start: EtcdStart<'_>) -> Result<StaticPod, ManifestError> {
    let local = node.cluster.etcd.local().ok_or(ManifestError::ExternalEtcd)?;
    let facts = &node.facts.etcd;
    let order = node.facts.static_pod.user_arg_order;
    let command = args::merge(defaults(node, local, start), &local.extra_args, order);
    let env = environment::merge(&[], &local.extra_envs);
    let certificates = node.cluster.certificate_path("etcd");
    // kubeadm mounts the data first, though volumes are sorted by name.
    let mounts = vec![
        Mount::directory("etcd-data", &local.data_dir, false),
        Mount::directory("etcd-certs", &certificates, false),
    ];
    let target = metrics(local, loopback(node.endpoint.advertise_address));
    let named_port = node.facts.static_pod.named_probe_port;
    let probes = Probes::new(&facts.probes, named_port, target, node.health_check);
    let mut pod = node.parts(Image::Etcd, command, env, mounts, probes);
    pod.volumes.sort_by(|left, right| left.name.cmp(&right.name));
    static_pod::write("etcd", &Manifest { client_url: client_url(&node.endpoint.advertise_address.to_string()), pod })
}

/// Returns where clients reach etcd on a host.
pub(crate) fn client_url(host: &str) -> String {
    url("https", host, CLIENT_PORT)
}

fn url(scheme: &str, host: &str, port: u16) -> String {
    format!("{scheme}://{}", net::HostPort::new(host, port))
}

fn defaults(node: &ControlPlaneNode<'_>, local: &LocalEtcd, start: EtcdStart<'_>) -> Vec<Arg> {
    let own = node.endpoint.advertise_address.to_string();
    let loopback = loopback(node.endpoint.advertise_address);
    let peer_url = url("https", &own, PEER_PORT);
    let mut defaults = vec![
        Arg::new("advertise-client-urls", client_url(&own)),
        Arg::new("cert-file", node.pki("etcd/server.crt")),
        Arg::new("client-cert-auth", "true"),
        Arg::new("data-dir", local.data_dir.as_str()),
        Arg::new("initial-advertise-peer-urls", peer_url.as_str()),
        Arg::new("key-file", node.pki("etcd/server.key")),
        Arg::new("listen-client-urls", format!("{},{}", client_url(loopback), client_url(&own))),
        Arg::new("listen-metrics-urls", url("http", loopback, METRICS_PORT)),
        Arg::new("listen-peer-urls", peer_url.as_str()),
        Arg::new("name", node.node_name),
        Arg::new("peer-cert-file", node.pki("etcd/peer.crt")),
        Arg::new("peer-client-cert-auth", "true"),
        Arg::new("peer-key-file", node.pki("etcd/peer.key")),
        Arg::new("peer-trusted-ca-file", node.pki("etcd/ca.crt")),
        Arg::new("snapshot-count", "10000"),
        Arg::new("trusted-ca-file", node.pki("etcd/ca.crt")),
    ];
    match start {
        EtcdStart::NewCluster => {
            defaults.push(Arg::new("initial-cluster", format!("{}={peer_url}", node.node_name)));
        }
        EtcdStart::Joining(members) => {
            let members: Vec<String> =
                members.iter().map(|member| format!("{}={}", member.name, member.peer_url)).collect();
            defaults.push(Arg::new("initial-cluster", members.join(",")));
            defaults.push(Arg::new("initial-cluster-state", "existing"));
        }
    }
    defaults.extend(node.facts.etcd.args_for(images::etcd_tag(node.cluster, node.facts)));
    defaults
}

/// Finds where probes ask: the first of the user's metrics URLs, or the default one.
fn metrics(local: &LocalEtcd, loopback: &str) -> Target {
    let urls = args::value(&local.extra_args, "listen-metrics-urls").unwrap_or_default();
    let first = urls.split(',').next().unwrap_or_default();
    let (scheme, rest) = first.split_once("://").unwrap_or(("http", ""));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    Target {
        host: Some(if host.is_empty() { loopback } else { host }.to_owned()),
        port: port.and_then(|port| port.parse().ok()).filter(|port| *port > 0).unwrap_or(METRICS_PORT),
        scheme: if scheme == "https" { "HTTPS" } else { "HTTP" }.to_owned(),
    }
}

#[derive(Template)]
#[template(path = "static-pods/etcd.yaml")]
struct Manifest {
    client_url: String,
    pod: Parts,
}

#[cfg(test)]
mod tests;
