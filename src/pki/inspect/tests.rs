//! Which chains are good, and what is said about the others.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use time::OffsetDateTime;

use crate::fixture::{self, NOW, YEAR};
use crate::{Authority, CaSpec, Certificate, PkiError, SanSet, Validity};

fn sign(authority: &Authority) -> Certificate {
    let validity = Validity::lasting(NOW, YEAR, Duration::from_secs(300));
    authority.sign(&fixture::leaf(SanSet::default()), &fixture::key(fixture::RSA_PKCS1), validity).unwrap()
}

/// Puts certificates behind the first one, as a file would.
fn chain(parts: &[&Certificate]) -> Certificate {
    let text: String = parts.iter().map(|part| part.to_pem()).collect();
    Certificate::from_pem(text.as_bytes()).unwrap()
}

fn corporate() -> (Authority, Authority) {
    let read = |pem: &str| Certificate::from_pem(pem.as_bytes()).unwrap();
    let root = Authority::from_parts(read(fixture::CORPORATE_ROOT), fixture::key(fixture::P256_PKCS8)).unwrap();
    let intermediate =
        Authority::from_parts(read(fixture::CORPORATE_INTERMEDIATE), fixture::key(fixture::P384)).unwrap();
    (root, intermediate)
}

#[test]
fn accepts_its_own_authority_of_every_key_type() {
    for key in [fixture::P256_PKCS8, fixture::P384, fixture::RSA_PKCS8] {
        let authority = fixture::authority(key);
        sign(&authority).verify_signed_by(authority.certificate(), NOW).unwrap();
        authority.certificate().verify_signed_by(authority.certificate(), NOW).unwrap();
    }
}

#[test]
fn refuses_another_authority_of_the_same_name() {
    let leaf = sign(&fixture::authority(fixture::P256_PKCS8));
    let other = fixture::authority(fixture::P384);
    let error = leaf.verify_signed_by(other.certificate(), NOW).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the certificate of `kube-apiserver` was signed by another authority than `kubernetes`"
    );
}

#[test]
fn accepts_a_renewed_authority_with_the_same_key() {
    let old = fixture::authority(fixture::P256_PKCS8);
    let renewed = fixture::authority(fixture::P256_PKCS8);
    assert_ne!(old.certificate(), renewed.certificate());
    sign(&old).verify_signed_by(renewed.certificate(), NOW).unwrap();
}

#[test]
fn refuses_a_leaf_out_of_its_time() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let leaf = sign(&authority);
    let at = |moment: OffsetDateTime| leaf.verify_signed_by(authority.certificate(), moment);
    let second = Duration::from_secs(1);
    at(leaf.not_before()).unwrap();
    at(leaf.not_after() + Duration::from_millis(999)).unwrap();
    assert!(matches!(at(leaf.not_before() - second), Err(PkiError::NotYetValid { .. })));
    let error = at(leaf.not_after() + second).unwrap_err();
    assert_eq!(error.to_string(), "the certificate of `kube-apiserver` expired at 2031-01-02 3:04:05.0 +00:00:00");
    assert_eq!(leaf.remaining(leaf.not_after() + second).whole_seconds(), -1);
}

#[test]
fn refuses_an_expired_authority() {
    let spec = CaSpec { common_name: "short".to_owned(), names: SanSet::default(), serial_zero: false };
    let validity = Validity::lasting(NOW, Duration::from_secs(60), Duration::ZERO);
    let authority = Authority::self_signed(&spec, fixture::key(fixture::P384), validity).unwrap();
    let error = sign(&authority).verify_signed_by(authority.certificate(), NOW + Duration::from_secs(61)).unwrap_err();
    assert!(matches!(error, PkiError::Expired { subject, .. } if subject == "short"));
}

#[test]
fn signs_under_a_name_with_repeated_parts() {
    let (root, _) = corporate();
    let leaf = sign(&root);
    assert_eq!(leaf.issuer_raw(), root.certificate().subject_raw());
    leaf.verify_signed_by(root.certificate(), NOW).unwrap();
}

#[test]
fn climbs_through_the_intermediates_of_the_file() {
    let (root, intermediate) = corporate();
    let leaf = sign(&intermediate);
    assert!(matches!(
        leaf.verify_signed_by(root.certificate(), NOW),
        Err(PkiError::SignedByAnother { subject, .. }) if subject == "kube-apiserver"
    ));
    chain(&[&leaf, intermediate.certificate()]).verify_signed_by(root.certificate(), NOW).unwrap();
    // What does not belong there does no harm.
    let unrelated = fixture::authority(fixture::RSA_PKCS8);
    let all = [&leaf, unrelated.certificate(), intermediate.certificate(), root.certificate()];
    chain(&all).verify_signed_by(root.certificate(), NOW).unwrap();
}

#[test]
fn refuses_a_leaf_as_an_intermediate() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let first = sign(&authority);
    // Whoever holds a leaf's key must not be able to make further certificates with it.
    let impostor = Authority::from_parts(first.clone(), fixture::key(fixture::RSA_PKCS1)).unwrap();
    let mut spec = fixture::leaf(SanSet::default());
    spec.common_name = "forged".to_owned();
    let validity = Validity::lasting(NOW, YEAR, Duration::ZERO);
    let second = impostor.sign(&spec, &fixture::key(fixture::P384), validity).unwrap();
    let error = chain(&[&second, &first]).verify_signed_by(authority.certificate(), NOW).unwrap_err();
    assert!(matches!(error, PkiError::NotAuthority { subject } if subject == "kube-apiserver"));
    assert!(matches!(second.verify_signed_by(&first, NOW), Err(PkiError::NotAuthority { .. })));
}

#[test]
fn refuses_more_intermediates_than_allowed() {
    let (root, intermediate) = corporate();
    // An authority below one that allows none: same key and name as a self-signed one has.
    let lower = CaSpec { common_name: "lower".to_owned(), names: SanSet::default(), serial_zero: false };
    let lower = fixture::subordinate(&intermediate, &lower, fixture::key(fixture::RSA_PKCS8));
    let leaf = sign(&lower);
    let file = chain(&[&leaf, lower.certificate(), intermediate.certificate()]);
    let error = file.verify_signed_by(root.certificate(), NOW).unwrap_err();
    assert!(matches!(error, PkiError::NotAuthority { subject } if subject == "Example Intermediate"));
}

#[test]
fn ends_on_many_lookalikes() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let leaf = sign(&authority);
    let lookalikes: Vec<_> = (0..12).map(|_| fixture::authority(fixture::P256_PKCS8)).collect();
    let parts: Vec<_> = std::iter::once(&leaf).chain(lookalikes.iter().map(Authority::certificate)).collect();
    let other = fixture::authority(fixture::P384);
    assert!(chain(&parts).verify_signed_by(other.certificate(), NOW).is_err());
    chain(&parts).verify_signed_by(authority.certificate(), NOW).unwrap();
}

#[test]
fn lists_the_names_that_are_missing() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let ip = |text: &str| text.parse().unwrap();
    let names = SanSet::new(["*.example.com", "cp1"], [ip("10.96.0.1"), ip("fd00::1")]);
    let validity = Validity::lasting(NOW, YEAR, Duration::ZERO);
    let leaf = authority.sign(&fixture::leaf(names.clone()), &fixture::key(fixture::P384), validity).unwrap();
    leaf.covers(&names).unwrap();
    leaf.covers(&SanSet::new(["lb.example.com", "CP1"], [])).unwrap();
    let more = SanSet::new(["cp2", "example.com", "cp1"], [ip("10.96.0.2"), ip("10.96.0.1")]);
    let error = leaf.covers(&more).unwrap_err();
    assert_eq!(error.to_string(), "the certificate of `kube-apiserver` is not valid for cp2, example.com, 10.96.0.2");
}
