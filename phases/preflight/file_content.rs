//! Pods reach each other through the node's kernel.

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::VersionFacts;
use kubewright_config::facts::Severity;

use crate::checks::{Check, Finding, Name, Subject, path_label};

/// The check `FileContent--proc-sys-…`.
pub struct FileContent;

#[async_trait]
impl Check for FileContent {
    fn about(&self) -> &'static str {
        "Let the kernel forward packets"
    }

    fn why(&self) -> &'static str {
        "Without forwarding the kernel drops what pods send to other pods and nodes."
    }

    fn fix(&self) -> &'static str {
        "`sysctl -w net.ipv4.ip_forward=1` (or the setting that is named), and the same in /etc/sysctl.d"
    }

    fn names(&self, facts: &VersionFacts) -> Vec<Name> {
        let preflight = &facts.preflight;
        let forwarding = preflight.sysctl_v4.iter().chain(&preflight.sysctl_v6).map(|setting| settings().join(setting));
        let bridge = BRIDGE.iter().filter(|_| preflight.bridge_netfilter).map(|setting| settings().join(setting));
        forwarding.chain(bridge).map(|path| (format!("FileContent-{}", path_label(&path)), Severity::Error)).collect()
    }

    fn rank(&self) -> u16 {
        260
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let (init, cluster) = (subject.init, subject.cluster);
        let subnets = cluster
            .networking
            .service_subnet
            .iter()
            .chain(cluster.networking.pod_subnet.iter().flat_map(|pods| pods.iter().collect::<Vec<_>>()));
        let addresses: Vec<_> =
            subnets.map(|subnet| subnet.addr()).chain([init.local_api_endpoint.advertise_address]).collect();
        let preflight = &subject.facts.preflight;
        let mut wanted: Vec<Utf8PathBuf> = Vec::new();
        // kubeadm's order: the bridge's setting of a family, then forwarding.
        let bridge = |setting: &str| preflight.bridge_netfilter.then(|| settings().join(setting));
        if addresses.iter().any(|address| address.is_ipv4()) {
            wanted.extend(bridge(BRIDGE[0]));
            wanted.extend(preflight.sysctl_v4.iter().map(|setting| settings().join(setting)));
        }
        if addresses.iter().any(|address| address.is_ipv6()) {
            wanted.extend(bridge(BRIDGE[1]));
            wanted.extend(preflight.sysctl_v6.iter().map(|setting| settings().join(setting)));
        }
        let wrong = |path: Utf8PathBuf| {
            let found = subject.probe.read(&path);
            if found.as_deref().map(str::trim) == Some("1") {
                return None;
            }
            let message = match found {
                Some(_) => format!("{path} contents are not set to 1"),
                None => format!("{path} does not exist"),
            };
            let setting = path.as_str().trim_start_matches("/proc/sys/").replace('/', ".");
            let module = if setting.contains("bridge") { "`modprobe br_netfilter`, " } else { "" };
            let fix = format!("set it now and for every boot: {module}`sysctl -w {setting}=1`, and in /etc/sysctl.d");
            Some(Finding::error(format!("FileContent-{}", path_label(&path)), message, fix))
        };
        wanted.into_iter().filter_map(wrong).collect()
    }
}

fn settings() -> &'static Utf8Path {
    "/proc/sys".into()
}

/// What the kernel's bridge needs, for IPv4 and IPv6; absent as long as its module is not loaded.
const BRIDGE: [&str; 2] = ["net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"];
