//! What counts as lost.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyUsagePurpose, SanType};

use crate::draft::DraftKey;
use crate::fixture::{self, NOW, YEAR};
use crate::{Certificate, Conventions, LeafSpec, SanSet, Validity};

fn renewed(old: &Certificate) -> Certificate {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let spec = LeafSpec::renewing(old, &Conventions::default());
    authority.sign(&spec, &fixture::key(fixture::P384), Validity::lasting(NOW, YEAR, Duration::ZERO)).unwrap()
}

#[test]
fn nothing_is_lost_of_what_kubeadm_writes() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let mut spec = fixture::leaf(SanSet::new(["b", "a"], ["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()]));
    spec.organizations = vec!["system:masters".to_owned()];
    let key = fixture::key(fixture::P384);
    let old = authority.sign(&spec, &key, Validity::lasting(NOW, YEAR, Duration::ZERO)).unwrap();
    assert_eq!(old.losses_in(&renewed(&old)).unwrap(), [""; 0]);
    assert_ne!(old.fingerprint(), renewed(&old).fingerprint());
    assert_eq!(old.fingerprint().to_string().len(), 64);
}

#[test]
fn what_a_companys_authority_wrote_is_told_when_it_would_go() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let mut params = CertificateParams::default();
    for (kind, value) in [
        (DnType::CommonName, "kube-apiserver"),
        (DnType::OrganizationalUnitName, "Clusters"),
        (DnType::CountryName, "DE"),
    ] {
        params.distinguished_name.push(kind, value);
    }
    params.subject_alt_names =
        vec![SanType::DnsName("a".try_into().unwrap()), SanType::URI("spiffe://x/y".try_into().unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::DataEncipherment];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::Other(vec![1, 2, 3])];
    let issuer = Issuer::new(CertificateParams::default(), DraftKey(authority.key()));
    let draft = params.signed_by(&DraftKey(&fixture::key(fixture::P384)), &issuer).unwrap();
    let old = Certificate::from_der(draft.der()).unwrap();
    assert_eq!(
        old.losses_in(&renewed(&old)).unwrap(),
        [
            "the URI spiffe://x/y",
            "the key usage data encipherment",
            "the subject's country \"DE\"",
            "the subject's organizational unit \"Clusters\"",
        ]
    );
}
