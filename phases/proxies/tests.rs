//! The environment's proxies, as Go reads them.

use super::*;

fn chosen(environment: &[(&str, &str)], address: &str, port: u16) -> Option<String> {
    let owned: Vec<_> = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Proxies::of(&owned).for_address(address.parse().unwrap(), port)
}

#[test]
fn https_takes_the_proxy_for_https_and_no_other() {
    let proxy = "http://proxy:3128";
    assert_eq!(chosen(&[("HTTPS_PROXY", proxy)], "10.0.0.1", 443).unwrap(), proxy);
    assert_eq!(chosen(&[("https_proxy", proxy)], "10.0.0.1", 443).unwrap(), proxy);
    assert_eq!(chosen(&[("HTTPS_PROXY", ""), ("https_proxy", proxy)], "10.0.0.1", 443).unwrap(), proxy);
    assert_eq!(chosen(&[("HTTP_PROXY", proxy), ("ALL_PROXY", proxy)], "10.0.0.1", 443), None);
    assert_eq!(chosen(&[("HTTPS_PROXY", proxy)], "127.0.0.1", 443), None);
    assert_eq!(chosen(&[("HTTPS_PROXY", proxy)], "::1", 443), None);
}

#[test]
fn exceptions_are_addresses_subnets_ports_ends_or_all() {
    let through =
        |no: &str, address: &str| chosen(&[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", no)], address, 443).is_some();
    for covering in ["*", "10.0.0.1", "10.0.0.0/8", "a, 10.0.0.1:443", ".0.0.1", "*.0.0.1", "x.example,10.0.0.0/24"] {
        assert!(!through(covering, "10.0.0.1"), "{covering}");
    }
    for other in ["", "10.0.0.2", "10.0.1.0/24", "10.0.0.1:6443", "example.net", "fd00::/8", "0.0.1"] {
        assert!(through(other, "10.0.0.1"), "{other}");
    }
    for covering in ["fd00::1", "[fd00::1]", "[fd00::1]:443", "fd00::/8"] {
        assert!(!through(covering, "fd00::1"), "{covering}");
    }
    assert!(through("[fd00::1]:6443", "fd00::1"));
}

#[test]
fn a_proxys_password_is_not_told() {
    assert_eq!(chosen(&[("HTTPS_PROXY", "http://user:p@ss@proxy:1/x")], "10.0.0.1", 443).unwrap(), "http://proxy:1/x");
    assert_eq!(chosen(&[("HTTPS_PROXY", "user:pass@proxy:1")], "10.0.0.1", 443).unwrap(), "http://proxy:1");
}

#[test]
fn names_are_excepted_by_themselves_by_their_domain_and_by_port() {
    let through = |no: &str, name: &str| {
        let environment = [("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", no)];
        let owned: Vec<_> = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Proxies::of(&owned).for_name(name, 443).is_some()
    };
    for covering in
        ["*", "api.example.com", "API.Example.com", "example.com", ".example.com", "*.example.com", "com:443"]
    {
        assert!(!through(covering, "api.example.com"), "{covering}");
    }
    for other in
        ["", "ample.com", "*ample.com", "api.example.com:6443", "10.0.0.0/8", "other.example.com", ".com.example"]
    {
        assert!(through(other, "api.example.com"), "{other}");
    }
    assert!(through(".example.com", "example.com") && !through("", "LocalHost"));
}
