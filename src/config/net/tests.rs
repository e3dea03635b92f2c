#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn subnets_keep_their_text_and_order() {
    let subnets: Subnets = "fd01::/112,10.96.0.0/16".parse().unwrap();
    assert_eq!(subnets.to_string(), "fd01::/112,10.96.0.0/16");
    assert!(subnets.dual_stack());
    assert_eq!(nth_address(&subnets.first(), 10).unwrap().to_string(), "fd01::a");
    let sloppy: Subnets = "010.096.0.0/12".parse().unwrap();
    assert_eq!(nth_address(&sloppy.first(), 1).unwrap().to_string(), "10.96.0.1");
}

#[test]
fn rejects_bad_subnets() {
    for (text, error) in [
        ("", SubnetError::Syntax(String::new())),
        ("10.96.0.0", SubnetError::Syntax("10.96.0.0".into())),
        ("10.96.0.0/33", SubnetError::Syntax("10.96.0.0/33".into())),
        ("10.96.0.0/+8", SubnetError::Syntax("10.96.0.0/+8".into())),
        ("300.0.0.0/8", SubnetError::Syntax("300.0.0.0/8".into())),
        ("10.0.0.0/8, fd00::/64", SubnetError::Syntax(" fd00::/64".into())),
        ("10.0.0.0/8,11.0.0.0/8", SubnetError::SameFamily),
        ("10.0.0.0/8,fd00::/64,fd01::/64", SubnetError::TooMany),
    ] {
        assert_eq!(text.parse::<Subnets>().unwrap_err(), error, "{text}");
    }
}

#[test]
fn an_index_beyond_the_subnet_has_no_address() {
    let net = parse_cidr("10.0.0.0/30").unwrap();
    assert_eq!(nth_address(&net, 3).unwrap().to_string(), "10.0.0.3");
    assert_eq!(nth_address(&net, 4), None);
    let all = parse_cidr("255.255.255.254/31").unwrap();
    assert_eq!(nth_address(&all, 1).unwrap().to_string(), "255.255.255.255");
    assert_eq!(nth_address(&parse_cidr("::/0").unwrap(), 1).unwrap().to_string(), "::1");
}

#[test]
fn endpoints_of_every_form() {
    for (text, host, port, shown) in [
        ("lb.example.com", "lb.example.com", 6443, "lb.example.com:6443"),
        ("lb.example.com:443", "lb.example.com", 443, "lb.example.com:443"),
        ("192.0.2.1:8443", "192.0.2.1", 8443, "192.0.2.1:8443"),
        ("fd00::1", "fd00::1", 6443, "[fd00::1]:6443"),
        ("[fd00::1]:443", "fd00::1", 443, "[fd00::1]:443"),
    ] {
        let endpoint = HostPort::parse(text, Some(6443)).unwrap();
        assert_eq!((endpoint.host(), endpoint.port()), (host, port));
        assert_eq!(endpoint.to_string(), shown);
    }
    for text in ["", "LB.example.com", "a:0", "a:65536", "a:http", "[fd00::1", "[fd00::1]443", "a_b", "-a:1", "a:+1"] {
        assert!(HostPort::parse(text, Some(6443)).is_err(), "{text}");
    }
    assert_eq!(HostPort::parse("a", None), Err(HostPortError::NoPort));
}

#[test]
fn names_by_rfc_1123() {
    for name in ["a", "a-b.c1", "1.2", &"a".repeat(64)] {
        assert!(is_dns_subdomain(name), "{name}");
    }
    for name in ["", "A", "a..b", "-a", "a-", "a_b", "a.", &"a.".repeat(127)] {
        assert!(!is_dns_subdomain(name), "{name}");
    }
    assert!(is_wildcard_dns_subdomain("*.example.com"));
    assert!(!is_wildcard_dns_subdomain("*.*.com"));
    assert!(!is_wildcard_dns_subdomain("example.com"));
}
