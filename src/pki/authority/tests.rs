//! The certificates we sign, byte for byte where kubeadm's have the same bytes; the order of extensions is ours.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use sha2::{Digest, Sha256};
use time::macros::datetime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Authority, CaSpec};
use crate::fixture::{self, NOW, YEAR};
use crate::{Certificate, Conventions, ExtendedKeyUsage, LeafSpec, PkiError, SanSet, Validity};

/// Object identifier, criticality and content of every extension, in order.
fn extensions(certificate: &Certificate) -> Vec<String> {
    let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
    let one = |extension: &x509_parser::extensions::X509Extension<'_>| {
        let critical = if extension.critical { " critical" } else { "" };
        format!("{}{critical} {}", extension.oid, hex::encode(extension.value))
    };
    parsed.extensions().iter().map(one).collect()
}

fn signature_oid(certificate: &Certificate) -> String {
    let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
    assert_eq!(parsed.signature_algorithm, parsed.tbs_certificate.signature);
    parsed.signature_algorithm.algorithm.to_string()
}

fn identifier(pem: &str) -> String {
    hex::encode(&Sha256::digest(fixture::key(pem).public_bits())[..20])
}

#[test]
fn writes_an_authority_as_kubeadm_does() {
    let authority = fixture::authority(fixture::RSA_PKCS8);
    let certificate = authority.certificate();
    let identifier = identifier(fixture::RSA_PKCS8);
    assert_eq!(
        extensions(certificate),
        [
            // One DNS name, `kubernetes`.
            "2.5.29.17 300c820a6b756265726e65746573".to_owned(),
            "2.5.29.15 critical 030202a4".to_owned(),
            format!("2.5.29.14 0414{identifier}"),
            "2.5.29.19 critical 30030101ff".to_owned(),
        ]
    );
    // One common name as a PrintableString.
    assert_eq!(
        hex::encode(certificate.subject_raw()),
        "30153113301106035504031 30a6b756265726e65746573".replace(' ', "")
    );
    assert_eq!(certificate.subject_raw(), certificate.issuer_raw());
    assert_eq!(signature_oid(certificate), "1.2.840.113549.1.1.11");
    assert_eq!(certificate.not_before(), datetime!(2030-01-02 02:59:05 UTC));
    assert_eq!(certificate.not_after(), datetime!(2039-12-31 03:04:05 UTC));
    assert!(certificate.is_ca());
}

#[test]
fn writes_a_leaf_as_kubeadm_does() {
    let authority = fixture::authority(fixture::P384);
    let mut spec = fixture::leaf(SanSet::new(["b", "a"], ["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()]));
    spec.usages = vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth];
    spec.organizations = vec!["kubeadm:cluster-admins".to_owned()];
    let validity = authority.leaf_validity(NOW, YEAR, &Conventions::default());
    let leaf = authority.sign(&spec, &fixture::key(fixture::P256_PKCS8), validity).unwrap();
    assert_eq!(
        extensions(&leaf),
        [
            format!("2.5.29.35 30168014{}", identifier(fixture::P384)),
            "2.5.29.17 301e82016182016287040a000001871000000000000000000000000000000001".to_owned(),
            // Key encipherment too, though ECDSA has no use for it.
            "2.5.29.15 critical 030205a0".to_owned(),
            "2.5.29.37 301406082b0601050507030106082b06010505070302".to_owned(),
            "2.5.29.19 critical 3000".to_owned(),
        ]
    );
    let (organization, common_name) = (hex::encode("kubeadm:cluster-admins"), hex::encode("kube-apiserver"));
    assert_eq!(
        hex::encode(leaf.subject_raw()),
        format!("303a311f301d060355040a1316{organization}31173015060355040313 0e{common_name}").replace(' ', "")
    );
    assert_eq!(signature_oid(&leaf), "1.2.840.10045.4.3.3");
    assert_eq!(leaf.not_before(), datetime!(2030-01-02 02:59:05 UTC));
    assert_eq!(leaf.not_after(), datetime!(2031-01-02 03:04:05 UTC));
    assert!(!leaf.is_ca() && leaf.has_basic_constraints());
}

#[test]
fn follows_the_conventions_of_1_20() {
    let spec = CaSpec { common_name: "kubernetes".to_owned(), names: SanSet::default(), serial_zero: true };
    let start = NOW - YEAR;
    let authority = Authority::self_signed(
        &spec,
        fixture::key(fixture::P256_PKCS8),
        Validity::lasting(start, 10 * YEAR, Duration::ZERO),
    )
    .unwrap();
    assert_eq!(authority.certificate().serial(), [0]);
    assert_eq!(extensions(authority.certificate()).len(), 3);
    assert_eq!(signature_oid(authority.certificate()), "1.2.840.10045.4.3.2");
    let conventions = Conventions { leaf_starts_with_ca: true, ..Conventions::default() };
    let spec = LeafSpec { basic_constraints: false, ..fixture::leaf(SanSet::default()) };
    let validity = authority.leaf_validity(NOW, YEAR, &conventions);
    let leaf = authority.sign(&spec, &fixture::key(fixture::P384), validity).unwrap();
    assert!(!leaf.has_basic_constraints());
    assert_eq!(leaf.not_before(), start);
    assert_eq!(leaf.not_after(), NOW + YEAR);
}

#[test]
fn begins_kubeconfig_certificates_with_their_authority() {
    let authority = fixture::authority(fixture::P384);
    let validity = authority.client_validity(NOW + YEAR, YEAR);
    assert_eq!(validity.not_before(), authority.certificate().not_before());
    assert_eq!(validity.not_after(), NOW + 2 * YEAR);
}

#[test]
fn writes_years_from_2050_on() {
    let authority = fixture::authority(fixture::P384);
    let validity = Validity::lasting(NOW, 100 * YEAR, Duration::ZERO);
    let leaf = authority.sign(&fixture::leaf(SanSet::default()), &fixture::key(fixture::P384), validity).unwrap();
    assert_eq!(leaf.not_after(), validity.not_after());
    assert!(leaf.not_after().year() > 2120);
}

#[test]
fn gives_positive_serials_that_differ() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let validity = authority.client_validity(NOW, YEAR);
    let mut serials: Vec<_> = (0..64)
        .map(|_| {
            let spec = fixture::leaf(SanSet::default());
            authority.sign(&spec, &fixture::key(fixture::P384), validity).unwrap().serial().to_vec()
        })
        .collect();
    assert!(serials.iter().all(|serial| serial.len() <= 8 && serial[0] < 0x80));
    serials.sort();
    serials.dedup();
    assert_eq!(serials.len(), 64);
}

#[test]
fn writes_other_alphabets_as_utf8() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let mut spec = fixture::leaf(SanSet::default());
    spec.common_name = "jörg@example".to_owned();
    spec.organizations = vec!["b".to_owned(), "a".to_owned()];
    let leaf = authority.sign(&spec, &fixture::key(fixture::P384), authority.client_validity(NOW, YEAR)).unwrap();
    assert_eq!(leaf.common_name(), Some("jörg@example"));
    // One set, and DER sorts sets.
    assert_eq!(leaf.organizations(), ["a", "b"]);
}

#[test]
fn says_nothing_of_an_authority_without_a_key_identifier() {
    let above = fixture::authority(fixture::P256_PKCS8);
    // A leaf's certificate has none, and `sign` asks for no more than a pair.
    let (spec, validity) = (fixture::leaf(SanSet::default()), above.client_validity(NOW, YEAR));
    let nameless = above.sign(&spec, &fixture::key(fixture::P384), validity).unwrap();
    let below = Authority::from_parts(nameless, fixture::key(fixture::P384)).unwrap();
    let leaf = below.sign(&spec, &fixture::key(fixture::RSA_PKCS8), validity).unwrap();
    assert_eq!(leaf.authority_key_identifier(), None);
    assert_eq!(extensions(&leaf).len(), 3);
}

#[test]
fn refuses_a_key_of_another_pair() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let error = Authority::from_parts(authority.certificate().clone(), fixture::key(fixture::P384)).unwrap_err();
    assert_eq!(error.to_string(), "the private key does not belong to the certificate of `kubernetes`");
}

#[test]
fn refuses_what_a_certificate_cannot_say() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let sign = |spec: &LeafSpec, validity| authority.sign(spec, &fixture::key(fixture::P384), validity).unwrap_err();
    let good = fixture::leaf(SanSet::default());
    let validity = authority.client_validity(NOW, YEAR);
    let endless = Validity::lasting(NOW, YEAR, Duration::MAX);
    let nameless = LeafSpec { common_name: String::new(), ..good.clone() };
    let umlaut = LeafSpec { names: SanSet::new(["jörg"], []), ..good.clone() };
    let bad_usage = LeafSpec { usages: vec![ExtendedKeyUsage::Other(vec![7])], ..good.clone() };
    for error in [sign(&good, endless), sign(&nameless, validity), sign(&umlaut, validity), sign(&bad_usage, validity)]
    {
        assert!(matches!(error, PkiError::Unrepresentable { .. }), "{error}");
    }
}
