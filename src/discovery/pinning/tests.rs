//! Pins as users give them.

use super::*;

const PIN: &str = "sha256:3b793efefe27a19f93b0fbe6e637e9c41d0dde8a377d6ab1c0f656bf1136dd8a";

fn pins(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn pins_that_are_given_always_count() {
    assert!(matches!(Pinning::parse(&pins(&[PIN]), true), Ok(Pinning::Pins(pins)) if pins.len() == 1));
    assert_eq!(Pinning::parse(&[], true).unwrap(), Pinning::Unchecked);
    assert!(matches!(Pinning::parse(&[], false), Err(DiscoveryError::NoPins)));
}

#[test]
fn one_malformed_pin_spoils_all() {
    for wrong in ["", "sha256:", "sha256:00", "md5:00", "3b79", &format!("{PIN}:{PIN}")] {
        let error = Pinning::parse(&pins(&[PIN, wrong]), true).unwrap_err();
        assert!(matches!(error, DiscoveryError::Pin { .. }), "{wrong}");
    }
}
