//! Defaults that depend on the machine: its address, its name, its container runtime.

use std::net::IpAddr;

use crate::error::{ConfigError, Warning};
use crate::facts::KubeletFacts;
use crate::host::{HostFacts, Interface};
use crate::net::{is_global_unicast, parse_ip};

const CRI_SOCKET_FIX: &str = "for example unix:///run/containerd/containerd.sock";
const ADVERTISE_FIX: &str = "name an address of a network interface, or leave it out to have that of the default route";

/// Chooses the address that the API server advertises.
///
/// A specific address is taken as it is, whether or not the machine has it. Without one (or with `0.0.0.0` or `::`,
/// which choose the family) it is the first global address of the interface with the default route.
///
/// # Errors
/// The text is no address, or the machine has none to offer.
pub(crate) fn advertise_address(given: &str, field: &str, host: &HostFacts) -> Result<IpAddr, ConfigError> {
    let address = match given {
        "" => None,
        text => Some(
            parse_ip(text).ok_or_else(|| ConfigError::invalid(field, text, "not an IP address").hint(ADVERTISE_FIX))?,
        ),
    };
    if let Some(ip) = address.filter(|ip| ip.is_loopback()) {
        let mut loopback = host.interfaces.iter().filter(|interface| interface.name == "lo" && interface.up);
        let found = loopback.find_map(|lo| first_global(lo, false).or_else(|| first_global(lo, true)));
        return found.ok_or_else(|| {
            ConfigError::invalid(field, ip, "other machines cannot reach a loopback address").hint(ADVERTISE_FIX)
        });
    }
    match address.filter(|ip| !ip.is_unspecified()) {
        Some(ip) if is_global_unicast(ip) => Ok(ip),
        Some(ip) => {
            Err(ConfigError::invalid(field, ip, "not an address that other machines can reach").hint(ADVERTISE_FIX))
        }
        None => default_address(address.is_some_and(|ip| ip.is_ipv6()), host).ok_or_else(|| {
            ConfigError::field(field, "no network interface with a default route has a global address")
                .hint("name the address, for example with --apiserver-advertise-address")
        }),
    }
}

/// The address that is chosen where the user names none; `None` when the machine has none to offer.
pub fn default_address(prefer_ipv6: bool, host: &HostFacts) -> Option<IpAddr> {
    let families = if prefer_ipv6 { [true, false] } else { [false, true] };
    let Some(routes) = &host.default_routes else {
        let mut usable = host.interfaces.iter().filter(|it| it.up && !it.loopback && !it.point_to_point);
        return usable.find_map(|interface| families.into_iter().find_map(|ipv6| first_global(interface, ipv6)));
    };
    let of_family = |ipv6| routes.iter().filter(move |route| route.ipv6 == ipv6).map(move |route| (route, ipv6));
    let mut candidates = families.into_iter().flat_map(of_family);
    candidates.find_map(|(route, ipv6)| {
        let mut own = host.interfaces.iter().filter(|it| it.up && it.name == route.interface);
        // Routers may have link-local addresses on the wire and their global one on the loopback interface.
        let mut loopback = host.interfaces.iter().filter(|it| it.up && it.loopback);
        own.find_map(|it| first_global(it, ipv6)).or_else(|| loopback.find_map(|it| first_global(it, ipv6)))
    })
}

fn first_global(interface: &Interface, ipv6: bool) -> Option<IpAddr> {
    interface.addresses.iter().copied().find(|ip| ip.is_ipv6() == ipv6 && is_global_unicast(*ip))
}

/// Chooses the container runtime's socket, which that field may name.
///
/// # Errors
/// Several runtimes answer, or the given socket has a form that the kubelet cannot use.
pub(crate) fn cri_socket(
    field: &str,
    given: &str,
    detect: bool,
    kubelet: &KubeletFacts,
    host: &HostFacts,
    warnings: &mut Vec<Warning>,
) -> Result<String, ConfigError> {
    if given.is_empty() {
        return if detect { detect_cri_socket(field, kubelet, host) } else { Ok(kubelet.default_cri_socket.clone()) };
    }
    match given.split_once("://") {
        Some(("unix", path)) if path.starts_with('/') => Ok(given.to_owned()),
        Some(_) => {
            Err(ConfigError::invalid(field, given, "only URLs of the form unix:///path are supported")
                .hint(CRI_SOCKET_FIX))
        }
        None if !given.starts_with('/') => {
            Err(ConfigError::invalid(field, given, "the path is not absolute").hint(CRI_SOCKET_FIX))
        }
        None if kubelet.socket_url => {
            warnings.push(Warning::new(field, format!("a URL is expected; `{given}` is taken as `unix://{given}`")));
            Ok(format!("unix://{given}"))
        }
        None => Ok(given.to_owned()),
    }
}

fn detect_cri_socket(field: &str, kubelet: &KubeletFacts, host: &HostFacts) -> Result<String, ConfigError> {
    // /var/run is a link to /run on every current distribution; callers may have probed either.
    let plain =
        |path: &str| path.strip_prefix("/var").filter(|rest| rest.starts_with("/run/")).unwrap_or(path).to_owned();
    let answers = |path: &str| host.cri_sockets.iter().any(|found| plain(found) == plain(path));
    let counts =
        |known: &&crate::facts::KnownCriSocket| answers(&known.probe) && !known.unless.as_deref().is_some_and(answers);
    let found: Vec<&str> = kubelet.known_cri_sockets.iter().filter(counts).map(|known| known.socket.as_str()).collect();
    match found.as_slice() {
        [] => Ok(kubelet.default_cri_socket.clone()),
        [one] => Ok((*one).to_owned()),
        several => {
            let reason = format!("several container runtimes answer: {}", several.join(", "));
            Err(ConfigError::field(field, reason).hint(format!("name one in {field}, or with --cri-socket")))
        }
    }
}

#[cfg(test)]
mod tests;
