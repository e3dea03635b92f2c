//! Where a discovery file is, and how that is told.

use super::*;

#[test]
fn a_url_is_shown_without_its_secrets() {
    assert_eq!(shown("https://user:secret@host:8443/a/b?token=secret#x"), "https://host:8443/a/b");
    assert_eq!(shown("https://host"), "https://host");
    assert_eq!(shown("/root/a?b@c"), "/root/a?b@c");
}

#[test]
fn the_scheme_may_be_in_any_case() {
    assert!(is_url("https://a") && is_url("HTTPS://a"));
    assert!(!is_url("http://a") && !is_url("/https://a") && !is_url("https:/") && !is_url("ä"));
}
