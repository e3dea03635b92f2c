//! Keys in every form that OpenSSL and Go write.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::{KeyAlgorithm, MAX_KEY_FILE, PrivateKey};
use crate::{PkiError, fixture};

/// A fixture without the line that says what it is for.
fn plain(pem: &str) -> &str {
    &pem[pem.find("-----BEGIN").unwrap()..]
}

#[test]
fn reads_pkcs1_and_pkcs8_and_writes_pkcs1() {
    for pem in [fixture::RSA_PKCS1, fixture::RSA_PKCS8] {
        let key = fixture::key(pem);
        assert_eq!(key.algorithm(), Some(KeyAlgorithm::Rsa2048));
        assert_eq!(*key.to_pem().unwrap(), plain(fixture::RSA_PKCS1));
        assert_eq!(key.public_pem(), plain(fixture::RSA_PUBLIC));
    }
}

#[test]
fn skips_ec_parameters_and_writes_sec1_with_the_curve() {
    let openssl = fixture::P256_WITH_PARAMETERS;
    let sec1 = &openssl[openssl.find("-----BEGIN EC PRIVATE KEY").unwrap()..];
    for pem in [openssl, fixture::P256_PKCS8] {
        let key = fixture::key(pem);
        assert_eq!(key.algorithm(), Some(KeyAlgorithm::EcdsaP256));
        // OpenSSL writes the same optional parts as Go: curve and public key.
        assert_eq!(*key.to_pem().unwrap(), sec1);
    }
    let key = fixture::key(fixture::P384);
    assert_eq!(key.algorithm(), Some(KeyAlgorithm::EcdsaP384));
    assert_eq!(*key.to_pem().unwrap(), plain(fixture::P384));
}

#[test]
fn generates_what_was_asked_for() {
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::Rsa3072, KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
        let key = PrivateKey::generate(algorithm).unwrap();
        assert_eq!(key.algorithm(), Some(algorithm));
        let again = PrivateKey::from_pem(key.to_pem().unwrap().as_bytes()).unwrap();
        assert_eq!(again.public_key_spki_der(), key.public_key_spki_der());
    }
}

#[test]
fn tells_missing_from_unusable() {
    let read = |pem: &str| PrivateKey::from_pem(pem.as_bytes()).unwrap_err();
    assert!(matches!(read(fixture::ED25519), PkiError::UnsupportedKey));
    assert!(matches!(read(fixture::RSA_PUBLIC), PkiError::NoPrivateKey));
    assert!(matches!(read(""), PkiError::NoPrivateKey));
    assert!(matches!(read(&" ".repeat(MAX_KEY_FILE + 1)), PkiError::TooLarge { .. }));
    // A damaged block before a good one does not hide it.
    let damaged = "-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n";
    assert!(PrivateKey::from_pem(format!("{damaged}{}", fixture::P384).as_bytes()).is_ok());
}

#[test]
fn shows_nothing_secret() {
    assert_eq!(format!("{:?}", fixture::key(fixture::P384)), "PrivateKey([redacted])");
}

#[test]
fn spells_algorithms_as_kubeadm_does() {
    for algorithm in KeyAlgorithm::ALL {
        assert_eq!(algorithm.to_string().parse::<KeyAlgorithm>().unwrap(), algorithm);
    }
    assert_eq!(KeyAlgorithm::default().to_string(), "RSA-2048");
    assert!("rsa-2048".parse::<KeyAlgorithm>().is_err());
}

proptest! {
    #![proptest_config(crate::fixture::proptest())]

    #[test]
    fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        PrivateKey::from_pem(&bytes).ok();
        let label = if bytes.len() % 2 == 0 { "PRIVATE KEY" } else { "EC PRIVATE KEY" };
        PrivateKey::from_pem(crate::pem::encode(label, &bytes).as_bytes()).ok();
        PrivateKey::from_pem(crate::pem::encode("RSA PRIVATE KEY", &bytes).as_bytes()).ok();
    }

    #[test]
    fn takes_damaged_keys(place in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        for pem in [fixture::P256_PKCS8, fixture::P384, fixture::RSA_PKCS8] {
            let mut der = crate::pem::blocks(pem.as_bytes()).remove(0);
            let place = place.index(der.contents.len());
            der.contents[place] = byte;
            PrivateKey::from_pem(crate::pem::encode(der.label, &der.contents).as_bytes()).ok();
        }
    }
}
