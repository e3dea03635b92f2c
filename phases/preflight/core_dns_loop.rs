//! Ours: CoreDNS that forwards to itself stops, and its log is read by nobody before the first pod fails.

use std::net::IpAddr;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject, warnings};

/// The check `CoreDNSLoop`.
pub struct CoreDnsLoop;

#[async_trait]
impl Check for CoreDnsLoop {
    fn about(&self) -> &'static str {
        "Give CoreDNS a resolver that is not CoreDNS again"
    }

    fn why(&self) -> &'static str {
        "CoreDNS forwards to the name servers of the file that the kubelet gives to pods. A loopback address is CoreDNS \
         itself there: it finds the loop and stops (`plugin/loop`). A server on this node loops if it forwards to the cluster."
    }

    fn fix(&self) -> &'static str {
        "name a file with real name servers as resolvConf in KubeletConfiguration, such as \
         /run/systemd/resolve/resolv.conf"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        warnings(["CoreDNSLoop"])
    }

    fn ours(&self) -> bool {
        true
    }

    fn rank(&self) -> u16 {
        360
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let Some(path) = pods_file(subject).filter(|_| !subject.cluster.dns.disabled) else { return Vec::new() };
        let text = subject.probe.read(&path).unwrap_or_default();
        let own: Vec<IpAddr> =
            subject.probe.interfaces().into_iter().flat_map(|interface| interface.addresses).collect();
        let dns = subject.cluster.dns_ip();
        let doubt = |server: IpAddr| match server {
            server if server.is_loopback() => Some(format!(
                "pods get {path} as their resolv.conf, and its name server {server} is CoreDNS itself in CoreDNS's pod: it \
                 will find a loop and stop"
            )),
            server if server == dns => Some(format!(
                "pods get {path} as their resolv.conf, and its name server {server} is the cluster's own: CoreDNS will find \
                 a loop and stop"
            )),
            server if own.contains(&server) => Some(format!(
                "pods get {path} as their resolv.conf, and its name server {server} is this node: if it forwards to the \
                 cluster's DNS, CoreDNS will find a loop and stop"
            )),
            _ => None,
        };
        let finding = |message| Finding::warning("CoreDNSLoop", message, self.fix());
        servers(&text).filter_map(doubt).map(finding).collect()
    }
}

/// The file that the kubelet gives to pods with `dnsPolicy: Default`, as CoreDNS's are; `None` if they get none.
fn pods_file(subject: &Subject<'_>) -> Option<Utf8PathBuf> {
    let flags = &subject.init.node_registration.kubelet_extra_args;
    let flag = flags.iter().rfind(|flag| flag.name == "resolv-conf").map(|flag| flag.value.clone());
    let document = subject.kubelet.with_node();
    let field = document.get("resolvConf").and_then(|path| path.as_str()).map(str::to_owned);
    let path = flag.or(field).unwrap_or_else(|| "/etc/resolv.conf".into());
    (!path.is_empty()).then(|| path.into())
}

/// The name servers of a resolv.conf; the resolver takes the first three, and so does CoreDNS.
fn servers(text: &str) -> impl Iterator<Item = IpAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then(|| words.next())?
    });
    servers.take(3).filter_map(|server| server.split('%').next()?.parse().ok())
}
