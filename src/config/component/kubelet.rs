//! The rules of KubeletConfiguration: what makes the kubelet exit at its start, or a node of no use.
//!
//! kubeadm has none of them. They are the kubelet's own (`pkg/kubelet/apis/config/validation`), as far as they hold for
//! every version and need no feature gate.

use super::rules::Rules;
use super::shape::is_quantity;
use crate::duration;
use crate::error::ConfigError;
use crate::net;
use crate::yaml;

/// What eviction can watch.
const SIGNALS: [&str; 9] = [
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "containerfs.available",
    "containerfs.inodesFree",
    "allocatableMemory.available",
    "pid.available",
];

/// What can be reserved.
const RESOURCES: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pid"];

/// Checks a document whose types are right.
pub(super) fn check(rules: &mut Rules<'_, '_>) {
    numbers(rules);
    words(rules);
    addresses(rules);
    durations(rules);
    eviction(rules);
    reservations(rules);
    rules.taints("registerWithTaints");
    if let Some(size) = rules.text("containerLogMaxSize").filter(|size| !is_quantity(size)) {
        rules.check.invalid("containerLogMaxSize", size, "not an amount of bytes", "for example 10Mi");
    }
}

fn numbers(rules: &mut Rules<'_, '_>) {
    const NOT_NEGATIVE: [&str; 10] = [
        "eventBurst",
        "eventRecordQPS",
        "kubeAPIBurst",
        "kubeAPIQPS",
        "maxOpenFiles",
        "maxPods",
        "nodeLeaseDurationSeconds",
        "podsPerCore",
        "registryBurst",
        "registryPullQPS",
    ];
    rules.range(&NOT_NEGATIVE, 0, i64::MAX);
    rules.range(&["healthzPort", "port", "readOnlyPort"], 0, 65535);
    rules.range(&["imageGCHighThresholdPercent", "imageGCLowThresholdPercent"], 0, 100);
    rules.range(&["iptablesDropBit", "iptablesMasqueradeBit"], 0, 31);
    rules.range(&["oomScoreAdj"], -1000, 1000);
    rules.range(&["nodeStatusMaxImages"], -1, i64::MAX);
    rules.range(&["maxParallelImagePulls"], 1, i64::MAX);
    rules.range(&["containerLogMaxFiles"], 2, i64::MAX);
    let (low, high) = (rules.whole("imageGCLowThresholdPercent"), rules.whole("imageGCHighThresholdPercent"));
    // The kubelet's defaults where one is left out.
    if (low.is_some() || high.is_some()) && low.unwrap_or(80) >= high.unwrap_or(85) {
        let (path, other) = match low {
            Some(_) => ("imageGCLowThresholdPercent", format!("imageGCHighThresholdPercent ({})", high.unwrap_or(85))),
            None => ("imageGCHighThresholdPercent", format!("imageGCLowThresholdPercent ({})", low.unwrap_or(80))),
        };
        let relation = if low.is_some() { "less" } else { "more" };
        let value = low.or(high).unwrap_or_default();
        rules.check.error(
            ConfigError::number(path, value, format!("must be {relation} than {other}"))
                .hint("set both, the low one below the high one"),
        );
    }
    if let Some(factor) = rules.get("memoryThrottlingFactor").and_then(serde_json::Value::as_f64)
        && (factor <= 0.0 || factor > 1.0)
    {
        rules.check.invalid("memoryThrottlingFactor", factor, "must be above 0 and at most 1", "0.9 is the default");
    }
}

fn words(rules: &mut Rules<'_, '_>) {
    rules.one_of("cgroupDriver", &["systemd", "cgroupfs"]);
    rules.one_of("authorization.mode", &["Webhook", "AlwaysAllow"]);
    rules.one_of("cpuManagerPolicy", &["none", "static"]);
    rules.one_of("memoryManagerPolicy", &["None", "Static"]);
    rules.one_of("topologyManagerPolicy", &["none", "best-effort", "restricted", "single-numa-node"]);
    rules.one_of("topologyManagerScope", &["container", "pod"]);
    rules.one_of("hairpinMode", &["promiscuous-bridge", "hairpin-veth", "none"]);
    rules.one_of("configMapAndSecretChangeDetectionStrategy", &["Watch", "Cache", "Get"]);
    rules.one_of("memorySwap.swapBehavior", &["NoSwap", "LimitedSwap", "UnlimitedSwap"]);
    rules.one_of("logging.format", &["text", "json"]);
    rules.one_of("tlsMinVersion", &["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"]);
    const ENFORCED: [&str; 6] = [
        "pods",
        "system-reserved",
        "system-reserved-compressible",
        "kube-reserved",
        "kube-reserved-compressible",
        "none",
    ];
    rules.each_of("enforceNodeAllocatable", &ENFORCED);
    for (path, what) in rules.list("enforceNodeAllocatable") {
        let cgroup = match what.strip_suffix("-compressible").unwrap_or(what) {
            "system-reserved" => "systemReservedCgroup",
            "kube-reserved" => "kubeReservedCgroup",
            _ => continue,
        };
        if rules.text(cgroup).is_none() {
            let reason = format!("the cgroup on which it is enforced is not named by {cgroup}");
            rules.check.invalid(&path, what, reason, format!("set {cgroup}, or leave the entry out"));
        }
    }
}

fn addresses(rules: &mut Rules<'_, '_>) {
    rules.address("address", "0.0.0.0");
    rules.address("healthzBindAddress", "127.0.0.1");
    for (path, text) in rules.list("clusterDNS") {
        if net::parse_ip(text).is_none() {
            let fix = "leave it out to have the address of the DNS service";
            rules.check.invalid(&path, text, "not an IP address; pods would have no DNS", fix);
        }
    }
    if let Some(domain) = rules.text("clusterDomain").filter(|domain| !net::is_dns_subdomain(domain)) {
        rules.check.invalid(
            "clusterDomain",
            domain,
            "not a lower-case DNS name",
            "leave it out to have networking.dnsDomain",
        );
    }
}

fn durations(rules: &mut Rules<'_, '_>) {
    let duration = |path: &str| duration::parse(rules.text(path)?).ok();
    let (all, critical) = (duration("shutdownGracePeriod"), duration("shutdownGracePeriodCriticalPods"));
    let (oldest, youngest) = (duration("imageMaximumGCAge"), duration("imageMinimumGCAge"));
    let quota = duration("cpuCFSQuotaPeriod");
    if critical > Some(all.unwrap_or_default()) {
        let path = "shutdownGracePeriodCriticalPods";
        let reason = "it is a part of shutdownGracePeriod, which is shorter";
        rules.check.invalid(path, rules.text(path).unwrap_or_default(), reason, "set shutdownGracePeriod to more");
    }
    if oldest.is_some_and(|oldest| !oldest.is_zero() && Some(oldest) <= youngest) {
        let path = "imageMaximumGCAge";
        let reason = "must be more than imageMinimumGCAge";
        rules.check.invalid(path, rules.text(path).unwrap_or_default(), reason, "raise it, or lower imageMinimumGCAge");
    }
    if quota.is_some_and(|quota| quota.as_micros() < 1000 || quota.as_secs_f64() > 1.0) {
        let path = "cpuCFSQuotaPeriod";
        rules.check.invalid(
            path,
            rules.text(path).unwrap_or_default(),
            "must be between 1ms and 1s",
            "100ms is the default",
        );
    }
}

fn eviction(rules: &mut Rules<'_, '_>) {
    for field in ["evictionHard", "evictionSoft", "evictionMinimumReclaim", "evictionSoftGracePeriod"] {
        for (signal, value) in rules.texts(field) {
            let path = yaml::child(field, signal);
            if !SIGNALS.contains(&signal) {
                let fix = match crate::wire::closest(signal, &SIGNALS) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => format!("known are {}", SIGNALS.join(", ")),
                };
                rules.check.invalid(&path, signal, "the kubelet has no such signal", fix);
            } else if field == "evictionSoftGracePeriod" {
                if duration::parse(value).is_err() {
                    rules.check.invalid(&path, value, "not a duration", "for example 1m30s");
                }
            } else if !is_threshold(value) {
                rules.check.invalid(&path, value, "neither a percentage nor an amount", "for example 10% or 500Mi");
            }
        }
    }
    let periods: Vec<&str> = rules.texts("evictionSoftGracePeriod").into_iter().map(|(signal, _)| signal).collect();
    for (signal, _) in rules.texts("evictionSoft") {
        if SIGNALS.contains(&signal) && !periods.contains(&signal) {
            let error = ConfigError::field(yaml::child("evictionSoft", signal), "it has no evictionSoftGracePeriod");
            rules.check.error(error.hint(format!("add `{signal}: 1m30s` to evictionSoftGracePeriod")));
        }
    }
}

fn is_threshold(value: &str) -> bool {
    match value.strip_suffix('%') {
        Some(number) => number.parse::<f64>().is_ok_and(|percent| (0.0..=100.0).contains(&percent)),
        None => is_quantity(value) && !value.starts_with('-'),
    }
}

fn reservations(rules: &mut Rules<'_, '_>) {
    for field in ["systemReserved", "kubeReserved"] {
        for (resource, amount) in rules.texts(field) {
            let path = yaml::child(field, resource);
            if !RESOURCES.contains(&resource) {
                let reason = "the kubelet cannot reserve this resource";
                rules.check.invalid(&path, resource, reason, format!("known are {}", RESOURCES.join(", ")));
            } else if !is_quantity(amount) || amount.starts_with('-') {
                rules.check.invalid(&path, amount, "not an amount", "for example 500m of cpu or 1Gi of memory");
            }
        }
    }
    if let Some(cpus) = rules.text("reservedSystemCPUs") {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            matches!((first.parse::<u32>(), last.parse::<u32>()), (Ok(first), Ok(last)) if first <= last)
        };
        if !cpus.split(',').all(range) {
            rules.check.invalid("reservedSystemCPUs", cpus, "not a list of processors", "for example 0,2-3");
        } else if rules.text("systemReservedCgroup").is_some() || rules.text("kubeReservedCgroup").is_some() {
            let reason = "excludes systemReservedCgroup and kubeReservedCgroup";
            rules.check.invalid("reservedSystemCPUs", cpus, reason, "remove the one or the others");
        }
    }
}
