//! What the configuration's defaults need to know about the machine. Callers look it up; this crate only reasons.

use std::net::IpAddr;

/// Facts about the machine that dynamic defaults depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Host name as the operating system gives it.
    pub hostname: String,
    /// Network interfaces with their addresses.
    pub interfaces: Vec<Interface>,
    /// Default routes, IPv4's first, each family in the kernel's order; `None` if the kernel's IPv4 table was missing.
    pub default_routes: Option<Vec<DefaultRoute>>,
    /// Whether the service systemd-resolved is active or activating.
    pub resolved_active: bool,
    /// Which of [`cri_socket_paths`](crate::cri_socket_paths) accept a connection.
    pub cri_sockets: Vec<String>,
    /// Environment variables whose names end in `_proxy`, in any case, with a value.
    pub proxy_environment: Vec<(String, String)>,
}

impl HostFacts {
    /// Describes a machine with one interface, which has one address and the default route.
    pub fn with_address(hostname: impl Into<String>, address: IpAddr) -> Self {
        let name = "eth0".to_owned();
        let route = DefaultRoute { interface: name.clone(), ipv6: address.is_ipv6() };
        let interface = Interface { name, up: true, addresses: vec![address], ..Interface::default() };
        Self {
            hostname: hostname.into(),
            interfaces: vec![interface],
            default_routes: Some(vec![route]),
            ..Self::default()
        }
    }
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Whether it is a loopback interface.
    pub loopback: bool,
    /// Whether it is point-to-point.
    pub point_to_point: bool,
    /// Its addresses in the kernel's order.
    pub addresses: Vec<IpAddr>,
}

/// A default route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRoute {
    /// Name of the interface that it leaves through.
    pub interface: String,
    /// Whether it is a route for IPv6.
    pub ipv6: bool,
}

/// Finds the default routes in `/proc/net/route` and `/proc/net/ipv6_route`; pass what could be read.
///
/// Lines that are not of the kernel's form are passed over.
pub fn default_routes(ipv4: Option<&str>, ipv6: Option<&str>) -> Option<Vec<DefaultRoute>> {
    let v4 = ipv4?.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // Interface, destination, gateway, flags, …, mask: destination and mask are zero for a default route.
        let default = fields.get(1) == Some(&"00000000") && fields.get(7) == Some(&"00000000");
        default.then(|| DefaultRoute { interface: fields[0].to_owned(), ipv6: false })
    });
    let zero = "0".repeat(32);
    let v6 = ipv6.unwrap_or_default().lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // Destination, its length, source, its length, next hop, …, interface; a route without a next hop is the
        // kernel's catch-all reject route.
        let default = fields.len() >= 10 && fields[0] == zero && fields[1] == "00" && fields[4] != zero;
        default.then(|| DefaultRoute { interface: fields[9].to_owned(), ipv6: true })
    });
    Some(v4.chain(v6).collect())
}

#[cfg(test)]
mod tests;
