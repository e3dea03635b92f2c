//! The machine's network as the configuration's defaults see it.

use kubewright_config::{HostFacts, Interface, default_routes};
use kubewright_node::ProbeBackend;

/// Its interfaces and default routes, and nothing else of the facts.
pub fn network_facts(probe: &dyn ProbeBackend) -> HostFacts {
    let (ipv4, ipv6) = (probe.read("/proc/net/route".into()), probe.read("/proc/net/ipv6_route".into()));
    let interfaces = probe.interfaces().into_iter().map(|found| Interface {
        name: found.name,
        up: found.up,
        loopback: found.loopback,
        point_to_point: found.point_to_point,
        addresses: found.addresses,
    });
    HostFacts {
        interfaces: interfaces.collect(),
        default_routes: default_routes(ipv4.as_deref(), ipv6.as_deref()),
        ..HostFacts::default()
    }
}
