#![allow(clippy::unwrap_used)]

use super::*;
use crate::host::DefaultRoute;
use crate::{default_version, facts_for};

fn interface(name: &str, addresses: &[&str]) -> Interface {
    let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Interface { name: name.into(), up: true, loopback: name == "lo", point_to_point: false, addresses }
}

fn machine(routes: Option<&[(&str, bool)]>) -> HostFacts {
    HostFacts {
        hostname: "node1".into(),
        interfaces: vec![
            interface("lo", &["127.0.0.1", "::1"]),
            interface("eth0", &["169.254.1.1", "192.0.2.1", "2001:db8::1"]),
            interface("eth1", &["198.51.100.1"]),
        ],
        default_routes: routes.map(|routes| {
            let route = |(name, ipv6): &(&str, bool)| DefaultRoute { interface: (*name).to_owned(), ipv6: *ipv6 };
            routes.iter().map(route).collect()
        }),
        ..HostFacts::default()
    }
}

fn choose(given: &str, host: &HostFacts) -> Result<String, String> {
    advertise_address(given, "f", host).map(|ip| ip.to_string()).map_err(|error| error.to_string())
}

#[test]
fn follows_the_default_route() {
    let both = machine(Some(&[("eth1", false), ("eth0", true)]));
    assert_eq!(choose("", &both).unwrap(), "198.51.100.1");
    assert_eq!(choose("0.0.0.0", &both).unwrap(), "198.51.100.1");
    assert_eq!(choose("::", &both).unwrap(), "2001:db8::1");
    assert_eq!(choose("", &machine(None)).unwrap(), "192.0.2.1");
    assert!(choose("", &machine(Some(&[]))).is_err());
    assert!(choose("", &machine(Some(&[("gone", false)]))).is_err());
}

#[test]
fn keeps_a_given_address_that_others_can_reach() {
    let host = machine(Some(&[("eth0", false)]));
    assert_eq!(choose("203.0.113.7", &host).unwrap(), "203.0.113.7");
    for bad in ["127.0.0.1", "::1", "224.0.0.1", "fe80::1", "example.com"] {
        assert!(choose(bad, &host).is_err(), "{bad}");
    }
    let mut host = host;
    host.interfaces[0].addresses.push("203.0.113.9".parse().unwrap());
    assert_eq!(choose("127.0.0.1", &host).unwrap(), "203.0.113.9");
}

#[test]
fn finds_the_container_runtime() {
    let new = facts_for(&default_version()).unwrap();
    let old = facts_for(&"v1.20.2".parse().unwrap()).unwrap();
    let mut host = HostFacts::default();
    let mut choose = |facts: &crate::VersionFacts, found: &[&str]| {
        host.cri_sockets = found.iter().map(|path| (*path).to_owned()).collect();
        cri_socket("criSocket", "", true, &facts.kubelet, &host, &mut Vec::new()).ok()
    };
    let (docker, containerd, crio) =
        ("/var/run/docker.sock", "/run/containerd/containerd.sock", "/var/run/crio/crio.sock");
    assert_eq!(choose(&new, &[]).unwrap(), "unix:///var/run/containerd/containerd.sock");
    assert_eq!(choose(&new, &[crio, docker]).unwrap(), "unix:///var/run/crio/crio.sock");
    assert_eq!(choose(&new, &[crio, containerd]), None);
    assert_eq!(choose(&old, &[]).unwrap(), "/var/run/dockershim.sock");
    assert_eq!(choose(&old, &["/var/run/containerd/containerd.sock"]).unwrap(), containerd);
    assert_eq!(choose(&old, &[containerd, docker]).unwrap(), "/var/run/dockershim.sock");
}

#[test]
fn given_sockets_become_what_the_kubelet_takes() {
    let new = facts_for(&default_version()).unwrap();
    let old = facts_for(&"v1.20.2".parse().unwrap()).unwrap();
    let mut warnings = Vec::new();
    let mut take = |facts: &crate::VersionFacts, given: &str| {
        cri_socket("criSocket", given, true, &facts.kubelet, &HostFacts::default(), &mut warnings).ok()
    };
    assert_eq!(take(&new, "/x.sock").unwrap(), "unix:///x.sock");
    assert_eq!(take(&new, "unix:///x.sock").unwrap(), "unix:///x.sock");
    assert_eq!(take(&old, "/x.sock").unwrap(), "/x.sock");
    for bad in ["tcp://x", "x.sock", "unix://x.sock"] {
        assert_eq!(take(&new, bad), None, "{bad}");
    }
    assert_eq!(warnings.len(), 1);
}
