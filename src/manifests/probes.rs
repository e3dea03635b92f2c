//! HTTP probes of static pods.

use std::net::IpAddr;
use std::time::Duration;

use kubewright_config::facts;
use kubewright_config::net;

/// Name of the container port that probes ask, where the version names it.
const PORT_NAME: &str = "probe-port";

/// Where the probes of a component ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// `None` asks the pod's own address, which is the node's.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
    pub(crate) scheme: String,
}

impl Target {
    /// Asks over HTTPS at the address that the component binds; an unspecified one is no address to ask.
    pub(crate) fn https(bind_address: &str, port: u16) -> Self {
        let unspecified = net::parse_ip(bind_address).is_some_and(|ip| ip.is_unspecified());
        let host = (!unspecified && !bind_address.is_empty()).then(|| bind_address.to_owned());
        Self { host, port, scheme: "HTTPS".to_owned() }
    }
}

/// A probe as the templates print it.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    /// Field of the container.
    pub(crate) field: &'static str,
    pub(crate) path: String,
    pub(crate) initial_delay: u64,
    pub(crate) period: u64,
    pub(crate) failures: u64,
}

/// All probes of a container and the port that they ask.
#[derive(Debug, Clone)]
pub(crate) struct Probes {
    pub(crate) target: Target,
    /// Whether the port is declared on the container and asked by its name.
    pub(crate) named_port: bool,
    pub(crate) all: Vec<Probe>,
}

impl Probes {
    /// Makes the probes that the version's facts name; startup may take as long as `limit`.
    pub(crate) fn new(facts: &facts::Probes, named_port: bool, target: Target, limit: Duration) -> Self {
        const PERIOD: u64 = 10;
        let probe = |field, path: &str, initial_delay, period, failures| Probe {
            field,
            path: path.to_owned(),
            initial_delay,
            period,
            failures,
        };
        let seconds = limit.as_secs() + u64::from(limit.subsec_nanos() > 0);
        let mut all = vec![probe("livenessProbe", &facts.liveness, PERIOD, PERIOD, 8)];
        all.extend(facts.readiness.iter().map(|path| probe("readinessProbe", path, 0, 1, 3)));
        all.push(probe("startupProbe", &facts.startup, PERIOD, PERIOD, seconds.div_ceil(PERIOD)));
        Self { target, named_port, all }
    }

    /// Returns what a probe's `port` says: a name or a number, ready for a template.
    pub(crate) fn port(&self) -> String {
        if self.named_port { PORT_NAME.to_owned() } else { self.target.port.to_string() }
    }
}

/// Returns the loopback address of an address's family.
pub(crate) fn loopback(like: IpAddr) -> &'static str {
    if like.is_ipv6() { "::1" } else { "127.0.0.1" }
}
