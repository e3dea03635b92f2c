//! Keys, moments and an authority that tests share. The keys in `fixture/` were made with OpenSSL.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyUsagePurpose};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::draft::{self, DraftKey, Place};
use crate::{Authority, CaSpec, Certificate, CertificateKind, Conventions, LeafSpec, PrivateKey, SanSet, Validity};

pub(crate) const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

pub(crate) const P256_WITH_PARAMETERS: &str = include_str!("fixture/p256-with-parameters.pem");
pub(crate) const P256_PKCS8: &str = include_str!("fixture/p256.pkcs8.pem");
pub(crate) const P384: &str = include_str!("fixture/p384.sec1.pem");
pub(crate) const RSA_PKCS1: &str = include_str!("fixture/rsa2048.pkcs1.pem");
pub(crate) const RSA_PKCS8: &str = include_str!("fixture/rsa2048.pkcs8.pem");
pub(crate) const RSA_PUBLIC: &str = include_str!("fixture/rsa2048.pub.pem");
pub(crate) const ED25519: &str = include_str!("fixture/ed25519.pkcs8.pem");
/// `DC=com, DC=example, O=Example, OU=Infrastructure, OU=Clusters, CN=Example Root`, key `p256`.
pub(crate) const CORPORATE_ROOT: &str = include_str!("fixture/corporate-root.pem");
/// Signed by the root, may sign leaves only, key `p384`.
pub(crate) const CORPORATE_INTERMEDIATE: &str = include_str!("fixture/corporate-intermediate.pem");

/// The key of a fixture.
pub(crate) fn key(pem: &str) -> PrivateKey {
    PrivateKey::from_pem(pem.as_bytes()).expect("the fixtures are keys")
}

/// The cluster's authority as of [`NOW`], for ten years.
pub(crate) fn authority(pem: &str) -> Authority {
    let spec = CertificateKind::Ca.profile().ca_spec(&Conventions::default()).expect("an authority");
    let validity = Validity::lasting(NOW, 10 * YEAR, Conventions::default().backdate);
    Authority::self_signed(&spec, key(pem), validity).expect("signs itself")
}

/// A spec with these names and nothing else that is special.
pub(crate) fn leaf(names: SanSet) -> LeafSpec {
    CertificateKind::Apiserver.profile().leaf_spec(&Conventions::default(), "cp1", names).expect("a leaf")
}

/// An authority below another one, which kubeadm never makes but companies do.
pub(crate) fn subordinate(above: &Authority, spec: &CaSpec, key: PrivateKey) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, spec.common_name.as_str());
    params.not_before = NOW;
    params.not_after = NOW + YEAR;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer = Issuer::new(CertificateParams::default(), DraftKey(above.key()));
    let draft = params.signed_by(&DraftKey(&key), &issuer).expect("plain");
    let name = draft::name(&spec.common_name, &[]);
    let names = [(Place::Issuer, above.certificate().subject_raw()), (Place::Subject, &name)];
    let der = draft::finish(draft.der(), &names, above.key()).expect("signs");
    Authority::from_parts(Certificate::from_der(&der).expect("well-formed"), key).expect("a pair")
}

/// The settings of property tests: a failure goes to the screen, not into a file beside the sources.
pub(crate) fn proptest() -> proptest::test_runner::Config {
    proptest::test_runner::Config { failure_persistence: None, ..Default::default() }
}
