//! Names and addresses, with what kubeadm 1.36.2 put into certificates.

#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use proptest::prelude::*;

use super::{ApiserverNames, SanSet};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn names<'a>(service: &str, advertise: &str, endpoint_host: Option<&'a str>) -> ApiserverNames<'a> {
    ApiserverNames {
        node_name: "cp1",
        dns_domain: "cluster.local",
        service_address: ip(service),
        advertise_address: ip(advertise),
        endpoint_host,
    }
}

#[test]
fn names_the_apiserver_as_kubeadm_does() {
    let mut set = SanSet::apiserver(&names("10.96.0.1", "192.168.0.10", Some("lb.example.com")));
    let refused = set.add_requested(&["*.example.com", "Zeta.example.com", "10.0.0.1"]);
    assert_eq!(refused, [""; 0]);
    assert_eq!(
        set.dns(),
        [
            "*.example.com",
            "cp1",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "lb.example.com",
            "zeta.example.com",
        ]
    );
    assert_eq!(set.ips(), [ip("10.96.0.1"), ip("192.168.0.10"), ip("10.0.0.1")]);
}

#[test]
fn takes_one_service_address_in_dual_stack() {
    let set = SanSet::apiserver(&names("fd01::1", "fd00::a", None));
    assert_eq!(set.ips(), [ip("fd01::1"), ip("fd00::a")]);
}

#[test]
fn counts_an_endpoint_address_once() {
    let set = SanSet::apiserver(&names("10.96.0.1", "192.168.0.10", Some("192.168.0.10")));
    assert_eq!(set.ips(), [ip("10.96.0.1"), ip("192.168.0.10")]);
    assert!(!set.dns().contains(&"192.168.0.10".to_owned()));
}

#[test]
fn keeps_the_case_of_a_node_name() {
    let set = SanSet::etcd("FooBar", ip("192.0.2.2"));
    assert_eq!(set.dns(), ["FooBar", "localhost"]);
    assert_eq!(set.ips(), [ip("192.0.2.2"), ip("127.0.0.1"), ip("::1")]);
}

#[test]
fn refuses_what_is_no_name() {
    let mut set = SanSet::default();
    let refused = set.add_requested(&["a_b", "-a", "a..b", "", "*.*.a", "a*.b", "ok", "::ffff:10.0.0.1", "010.0.0.1"]);
    assert_eq!(refused, ["a_b", "-a", "a..b", "", "*.*.a", "a*.b"]);
    assert_eq!(set.dns(), ["ok"]);
    assert_eq!(set.ips(), [ip("10.0.0.1")]);
}

#[test]
fn matches_hosts_as_go_does() {
    let set = SanSet::new(["*.Example.com", "host"], []);
    let accepted = ["a.example.COM", "a.example.com.", "host", "HOST", "*.example.com"];
    let refused = ["example.com", "a.b.example.com", ".example.com", "", "hos", "a.host"];
    assert_eq!(accepted.map(|host| set.accepts_dns(host)), [true; 5]);
    assert_eq!(refused.map(|host| set.accepts_dns(host)), [false; 6]);
}

proptest! {
    #![proptest_config(crate::fixture::proptest())]

    #[test]
    fn making_a_set_of_a_set_changes_nothing(
        dns in proptest::collection::vec("[a-zA-Z.*-]{0,6}", 0..12),
        ips in proptest::collection::vec(any::<IpAddr>(), 0..6),
    ) {
        let once = SanSet::new(dns.iter().chain(&dns).cloned(), ips.iter().chain(&ips).copied());
        let twice = SanSet::new(once.dns().to_vec(), once.ips().to_vec());
        prop_assert_eq!(&once, &twice);
        prop_assert!(once.dns().is_sorted_by(|left, right| left < right));
        prop_assert!(dns.iter().all(|name| once.dns().contains(name)));
        prop_assert!(ips.iter().all(|ip| once.accepts_ip(*ip)));
    }

    #[test]
    fn takes_any_requested_text(entry in ".*") {
        SanSet::default().add_requested(&[entry]);
    }
}
