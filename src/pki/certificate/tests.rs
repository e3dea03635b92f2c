//! Reading certificates that others wrote.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use time::macros::datetime;

use super::{Certificate, MAX_CERTIFICATE_FILE};
use crate::{Authority, ExtendedKeyUsage, LeafSpec, PkiError, SanSet, Validity, fixture};

fn read(pem: &str) -> Certificate {
    Certificate::from_pem(pem.as_bytes()).unwrap()
}

#[test]
fn reads_what_openssl_wrote() {
    let root = read(fixture::CORPORATE_ROOT);
    assert_eq!(root.common_name(), Some("Example Root"));
    assert_eq!(root.issuer_common_name(), Some("Example Root"));
    assert_eq!(root.organizations(), ["Example"]);
    assert!(root.is_ca());
    assert!(root.names().is_empty());
    let usages = root.key_usages().unwrap();
    assert!(usages.key_cert_sign() && usages.crl_sign() && !usages.digital_signature() && !usages.key_encipherment());
    assert_eq!(root.not_before(), datetime!(2026-11-21 21:15:29 UTC));
    assert_eq!(root.not_after(), datetime!(2126-10-28 21:15:29 UTC));
    assert_eq!(hex::encode(root.serial()), "4793994cdbc47b914ca20066136eb0538d231464");
    assert_eq!(hex::encode(root.subject_key_identifier().unwrap()), "fb36a65fdb66a31c4468744a79548a79e4462bde");
    assert_eq!(root.authority_key_identifier(), root.subject_key_identifier());
    assert_eq!(root.to_pem(), fixture::CORPORATE_ROOT);
    assert!(fixture::key(fixture::P256_PKCS8).matches(&root));
    assert!(!fixture::key(fixture::P384).matches(&root));
}

#[test]
fn takes_the_first_as_leaf_and_the_rest_as_intermediates() {
    let text = format!("# comment\n{}{}", fixture::CORPORATE_INTERMEDIATE, fixture::CORPORATE_ROOT);
    let chain = read(&text);
    assert_eq!(chain.common_name(), Some("Example Intermediate"));
    assert_eq!(chain.intermediates(), [read(fixture::CORPORATE_ROOT)]);
    assert_eq!(chain.to_pem(), fixture::CORPORATE_INTERMEDIATE);
    assert_eq!(chain.chain_pem(), text.strip_prefix("# comment\n").unwrap());
    let bundle = Certificate::bundle_from_pem(text.as_bytes()).unwrap();
    assert_eq!(bundle.len(), 2);
    assert!(bundle.iter().all(|one| one.intermediates().is_empty()));
}

#[test]
fn keeps_the_order_of_usages() {
    let usages =
        vec![ExtendedKeyUsage::Other(vec![1, 2, 3]), ExtendedKeyUsage::ClientAuth, ExtendedKeyUsage::ServerAuth];
    let spec = LeafSpec { usages: usages.clone(), ..fixture::leaf(SanSet::default()) };
    let authority = fixture::authority(fixture::P384);
    let validity = Validity::lasting(fixture::NOW, fixture::YEAR, fixture::YEAR);
    let leaf = authority.sign(&spec, &fixture::key(fixture::P384), validity).unwrap();
    assert_eq!(leaf.extended_key_usages(), usages);
}

#[test]
fn refuses_what_is_no_certificate() {
    let read = |bytes: &[u8]| Certificate::from_pem(bytes).unwrap_err();
    assert!(matches!(read(b""), PkiError::NoCertificate));
    assert!(matches!(read(fixture::RSA_PUBLIC.as_bytes()), PkiError::NoCertificate));
    assert!(matches!(read(&vec![b' '; MAX_CERTIFICATE_FILE + 1]), PkiError::TooLarge { .. }));
    let garbage = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
    let text = format!("{}{garbage}", fixture::CORPORATE_ROOT);
    assert!(matches!(read(text.as_bytes()), PkiError::MalformedCertificate { .. }));
    let mut der = self::read(fixture::CORPORATE_ROOT).der().to_vec();
    der.push(0);
    assert!(matches!(Certificate::from_der(&der), Err(PkiError::MalformedCertificate { .. })));
}

#[test]
fn says_in_debug_who_it_is() {
    let text = format!("{:?}", read(fixture::CORPORATE_ROOT));
    assert!(text.contains("Example Root"), "{text}");
}

proptest! {
    #![proptest_config(crate::fixture::proptest())]

    #[test]
    fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        Certificate::from_pem(&bytes).ok();
        Certificate::from_der(&bytes).ok();
    }

    #[test]
    fn takes_damaged_certificates(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let authority: Authority = fixture::authority(fixture::P256_PKCS8);
        let names = SanSet::new(["a"], ["::1".parse().unwrap()]);
        let validity = Validity::lasting(fixture::NOW, fixture::YEAR, fixture::YEAR);
        let leaf = authority.sign(&fixture::leaf(names), &fixture::key(fixture::P384), validity).unwrap();
        let mut der = leaf.der().to_vec();
        for (place, byte) in damage {
            let place = place.index(der.len());
            der[place] = byte;
        }
        if let Ok(read) = Certificate::from_der(&der) && read != leaf {
            let verdict = read.verify_signed_by(authority.certificate(), fixture::NOW);
            prop_assert!(verdict.is_err(), "{}\n{}", hex::encode(leaf.der()), hex::encode(&der));
        }
    }
}
