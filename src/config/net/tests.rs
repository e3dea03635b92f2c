#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

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

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).into()),
        any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).into())
    ]
}

proptest! {
    #[test]
    fn printed_addresses_read_back(ip in any_address()) {
        prop_assert_eq!(parse_ip(&ip.to_string()), Some(ip.to_canonical()));
    }

    #[test]
    fn printed_subnets_read_back(ip in any_address(), bits in 0_u8..=128) {
        let bits = bits.min(if ip.is_ipv4() { 32 } else { 128 });
        let net = parse_cidr(&format!("{ip}/{bits}")).unwrap();
        prop_assert_eq!(parse_cidr(&net.to_string()), Some(net));
        prop_assert_eq!(nth_address(&net, 0), Some(net.network()));
        if let Some(tenth) = nth_address(&net, 10) {
            prop_assert!(net.contains(&tenth));
        }
    }

    #[test]
    fn printed_endpoints_read_back(text in "[a-z0-9.:\\[\\]-]{0,20}", port in 1_u16..) {
        if let Ok(endpoint) = HostPort::parse(&text, Some(port)) {
            prop_assert_eq!(HostPort::parse(&endpoint.to_string(), None), Ok(endpoint));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}|[0-9a-f.:/,%\\[\\]]{0,40}") {
        let _ = (parse_ip(&text), parse_cidr(&text), HostPort::parse(&text, None), is_wildcard_dns_subdomain(&text));
        if let Ok(subnets) = text.parse::<Subnets>() {
            prop_assert_eq!(subnets.to_string(), text);
            prop_assert!(subnets.iter().count() <= 2);
        }
    }

    #[test]
    fn names_have_only_what_dns_takes(text in "[a-zA-Z0-9._*-]{0,20}") {
        let fits = is_dns_subdomain(&text);
        let alone = text.split('.').all(is_dns_subdomain);
        prop_assert_eq!(fits, alone);
        prop_assert!(!fits || !text.contains(|c: char| c.is_ascii_uppercase() || c == '_' || c == '*'));
        prop_assert_eq!(is_wildcard_dns_subdomain(&format!("*.{text}")), fits);
    }
}
