//! Pods reach each other through the node'\''s kernel.

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};

use crate::checks::{Check, Finding, Subject, path_label};

/// The check `FileContent--proc-sys-…`.
pub struct FileContent;

#[async_trait]
impl Check for FileContent {
    fn about(&self) -> &'static str {
        "Let the kernel forward packets"
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
        let settings = Utf8Path::new("/proc/sys");
        if addresses.iter().any(|address| address.is_ipv4()) {
            wanted.extend(preflight.sysctl_v4.iter().map(|setting| settings.join(setting)));
        }
        if addresses.iter().any(|address| address.is_ipv6()) {
            wanted.extend(preflight.sysctl_v6.iter().map(|setting| settings.join(setting)));
        }
        if preflight.bridge_netfilter {
            wanted.push(settings.join("net/bridge/bridge-nf-call-iptables"));
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
            let fix = format!("set it now and for every boot: `sysctl -w {setting}=1`, and in /etc/sysctl.d");
            Some(Finding::error(format!("FileContent-{}", path_label(&path)), message, fix))
        };
        wanted.into_iter().filter_map(wrong).collect()
    }
}
