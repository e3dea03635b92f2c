//! Which proxy is taken, by server and settings.

#![allow(clippy::unwrap_used)]

use super::*;

fn chosen(https: &str, no: &str, server: &str, document: Option<&str>) -> Result<Option<String>, String> {
    let proxies = Proxies { https: https.into(), no: no.into() };
    let chosen = proxies.choose(&server.parse().unwrap(), document)?;
    Ok(chosen.map(|proxy| proxy.uri().authority().unwrap().to_string()))
}

const PROXY: &str = "http://proxy:3128";

#[test]
fn takes_the_proxy_of_the_environment() {
    let expected = Some("proxy:3128".to_owned());
    assert_eq!(chosen(PROXY, "", "https://10.0.0.1:6443", None).unwrap(), expected);
    assert_eq!(chosen(PROXY, "192.168.0.0/16,", "https://10.0.0.1:6443", None).unwrap(), expected);
    assert_eq!(chosen(PROXY, "10.0.0.1:443", "https://10.0.0.1:6443", None).unwrap(), expected);
    assert_eq!(chosen("proxy:3128", "", "https://10.0.0.1:6443", None).unwrap(), expected);
}

#[test]
fn goes_straight_to_a_server_that_no_proxy_names() {
    for no in ["10.0.0.0/8", "10.0.0.1", "other, 10.0.0.0/8,", "*", "10.0.0.1:6443"] {
        assert_eq!(chosen(PROXY, no, "https://10.0.0.1:6443", None).unwrap(), None, "{no}");
    }
    for no in ["fd00::/8", "fd00::1", "[fd00::1]:6443"] {
        assert_eq!(chosen(PROXY, no, "https://[fd00::1]:6443", None).unwrap(), None, "{no}");
    }
    assert_eq!(chosen(PROXY, ".example.com", "https://api.example.com", None).unwrap(), None);
}

#[test]
fn never_takes_a_proxy_to_this_machine() {
    for server in ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443"] {
        assert_eq!(chosen(PROXY, "", server, None).unwrap(), None, "{server}");
    }
}

#[test]
fn the_document_overrules_the_environment() {
    let document = Some("http://other:8080");
    assert_eq!(chosen(PROXY, "*", "https://127.0.0.1:6443", document).unwrap(), Some("other:8080".to_owned()));
}

#[test]
fn without_settings_there_is_no_proxy() {
    assert!(chosen("", "", "https://10.0.0.1", None).unwrap().is_none());
}

#[test]
fn names_a_scheme_that_is_not_supported() {
    let error = chosen(PROXY, "", "https://10.0.0.1:6443", Some("socks5://other:1080")).unwrap_err();
    assert_eq!(error, "a proxy with the scheme `socks5` is not supported, only `http`");
}
