//! Pins, against what OpenSSL computes.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::DiscoveryHash;
use crate::{Certificate, fixture};

/// `openssl x509 -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256`
const ROOT: &str = "sha256:3ced6cef516aff98ba4f68a8827f35e43af05853d4457fd49bb866acf95eb817";

#[test]
fn pins_the_public_key_as_openssl_does() {
    let root = Certificate::from_pem(fixture::CORPORATE_ROOT.as_bytes()).unwrap();
    assert_eq!(DiscoveryHash::of(&root).to_string(), ROOT);
    let pin: DiscoveryHash = ROOT.parse().unwrap();
    assert!(pin.matches(&root));
    // Another certificate for the same key keeps the pin, another key does not.
    assert!(pin.matches(fixture::authority(fixture::P256_PKCS8).certificate()));
    assert!(!pin.matches(fixture::authority(fixture::P384).certificate()));
}

#[test]
fn takes_prefix_and_digits_in_either_case_and_nothing_else() {
    let digits = ROOT.strip_prefix("sha256:").unwrap();
    let upper = format!("sha256:{}", digits.to_uppercase());
    assert_eq!(upper.parse::<DiscoveryHash>().unwrap().to_string(), ROOT);
    assert_eq!(ROOT.to_uppercase().parse::<DiscoveryHash>().unwrap().to_string(), ROOT);
    let wrong =
        [digits, "SHA256:", "sha256:", "sha512:00", &ROOT[..ROOT.len() - 1], &format!("{ROOT}0"), &format!("{ROOT} ")];
    for text in wrong {
        assert!(text.parse::<DiscoveryHash>().is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(crate::fixture::proptest())]

    #[test]
    fn takes_any_text(text in ".*") {
        text.parse::<DiscoveryHash>().ok();
        format!("sha256:{text}").parse::<DiscoveryHash>().ok();
    }
}
