//! The rules of KubeProxyConfiguration: what makes kube-proxy exit at its start.
//!
//! kubeadm has none of them. They are kube-proxy's own (`pkg/proxy/apis/config/validation`).

use super::rules::Rules;
use crate::duration;
use crate::facts::VersionFacts;
use crate::net::Subnets;
use crate::yaml;

const LOCAL_MODES: [&str; 4] = ["ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"];

/// Checks a document whose types are right.
pub(super) fn check(rules: &mut Rules<'_, '_>, pod_subnet: bool, facts: &VersionFacts) {
    let modes: Vec<&str> = facts.kube_proxy.modes.iter().map(String::as_str).collect();
    rules.one_of("mode", &modes);
    rules.range(&["iptables.masqueradeBit", "nftables.masqueradeBit"], 0, 31);
    rules.range(&["oomScoreAdj"], -1000, 1000);
    rules.range(&["conntrack.maxPerCore", "conntrack.min", "clientConnection.burst"], 0, i64::MAX);
    rules.one_of("logging.format", &["text", "json"]);
    rules.address("bindAddress", "0.0.0.0");
    rules.address_with_port("healthzBindAddress", "0.0.0.0:10256");
    rules.address_with_port("metricsBindAddress", "127.0.0.1:10249");
    rules.cidrs("nodePortAddresses", Some("primary"));
    rules.cidrs("ipvs.excludeCIDRs", None);
    if let Some(text) = rules.text("clusterCIDR")
        && let Err(error) = text.parse::<Subnets>()
    {
        rules.check.invalid("clusterCIDR", text, error.to_string(), "leave it out to have networking.podSubnet");
    }
    sync_periods(rules);
    local_traffic(rules, pod_subnet);
}

fn sync_periods(rules: &mut Rules<'_, '_>) {
    for backend in ["iptables", "ipvs", "nftables"] {
        let (least, period) = (yaml::child(backend, "minSyncPeriod"), yaml::child(backend, "syncPeriod"));
        let duration = |path: &str| duration::parse(rules.text(path)?).ok().filter(|period| !period.is_zero());
        // 30 s is kube-proxy's default.
        let all = duration(&period).unwrap_or(std::time::Duration::from_secs(30));
        if duration(&least).is_some_and(|least| least > all) {
            let reason = format!("must not be more than {period} ({})", duration::format(all));
            rules.check.invalid(&least, rules.text(&least).unwrap_or_default(), reason, format!("raise {period}"));
        }
    }
}

fn local_traffic(rules: &mut Rules<'_, '_>, pod_subnet: bool) {
    rules.one_of("detectLocalMode", &LOCAL_MODES);
    let needed = match rules.text("detectLocalMode") {
        Some("BridgeInterface") => "detectLocal.bridgeInterface",
        Some("InterfaceNamePrefix") => "detectLocal.interfaceNamePrefix",
        Some("ClusterCIDR") if !pod_subnet => "clusterCIDR",
        _ => return,
    };
    if rules.text(needed).is_none() {
        let mode = rules.text("detectLocalMode").unwrap_or_default();
        let reason = format!("needs {needed}, which is not set");
        rules.check.invalid("detectLocalMode", mode, reason, "set it, or leave detectLocalMode out");
    }
}
