//! Certificate authorities: making them, taking over existing ones, signing with them.

use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::draft::{self, DraftKey, Place};
use crate::error::PkiError;
use crate::{Certificate, Conventions, ExtendedKeyUsage, LeafSpec, PrivateKey, SanSet, Validity};

/// A certificate authority whose private key is at hand.
#[derive(Clone, Debug)]
pub struct Authority {
    certificate: Certificate,
    key: PrivateKey,
}

/// An authority to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaSpec {
    /// Common name of the subject.
    pub common_name: String,
    /// DNS names; its common name by kubeadm's convention.
    pub names: SanSet,
    /// Whether its serial number is 0 instead of random.
    pub serial_zero: bool,
}

impl Authority {
    /// Makes a self-signed authority.
    ///
    /// # Errors
    /// `Unrepresentable`, `Drafting`, `Signing`.
    pub fn self_signed(spec: &CaSpec, key: PrivateKey, validity: Validity) -> Result<Self, PkiError> {
        let mut params = params(&spec.common_name, &spec.names, validity)?;
        params.serial_number = Some(if spec.serial_zero { 0 } else { random_serial(&spec.common_name)? }.into());
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_identifier_method = KeyIdMethod::PreSpecified(key_identifier(&key));
        let draft = params
            .self_signed(&DraftKey(&key))
            .map_err(|source| PkiError::Drafting { subject: spec.common_name.clone(), source })?;
        let name = draft::name(&spec.common_name, &[]);
        let certificate = finish(draft.der(), &name, &name, &key, &spec.common_name)?;
        Ok(Self { certificate, key })
    }

    /// Takes over an existing pair.
    ///
    /// Whether the certificate says `CA:TRUE` is left to [`Certificate::is_ca`], as kubeadm reuses any pair here.
    ///
    /// # Errors
    /// `KeyMismatch`.
    pub fn from_parts(certificate: Certificate, key: PrivateKey) -> Result<Self, PkiError> {
        if !key.matches(&certificate) {
            return Err(PkiError::KeyMismatch { subject: certificate.display_name() });
        }
        Ok(Self { certificate, key })
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The authority's private key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The validity of a leaf kept as a file under `pki`.
    pub fn leaf_validity(&self, now: OffsetDateTime, period: Duration, conventions: &Conventions) -> Validity {
        match conventions.leaf_starts_with_ca {
            true => self.client_validity(now, period),
            false => Validity::lasting(now, period, conventions.backdate),
        }
    }

    /// The validity of a client certificate inside a kubeconfig, which begins when its authority does.
    pub fn client_validity(&self, now: OffsetDateTime, period: Duration) -> Validity {
        Validity::lasting(now, period, Duration::ZERO).starting(self.certificate.not_before())
    }

    /// Signs a leaf for the public half of the key.
    ///
    /// # Errors
    /// `Unrepresentable`, `Drafting`, `Signing`.
    pub fn sign(&self, spec: &LeafSpec, key: &PrivateKey, validity: Validity) -> Result<Certificate, PkiError> {
        let subject = draft::subject(spec)?;
        let mut params = params(&spec.common_name, &spec.names, validity)?;
        params.serial_number = Some(random_serial(&spec.common_name)?.into());
        params.extended_key_usages = spec.usages.iter().map(usage).collect::<Result<_, _>>()?;
        if spec.basic_constraints {
            params.custom_extensions.push(not_an_authority());
        }
        let mut above = CertificateParams::default();
        if let Some(identifier) = self.certificate.subject_key_identifier() {
            above.key_identifier_method = KeyIdMethod::PreSpecified(identifier.to_vec());
            params.use_authority_key_identifier_extension = true;
        }
        let draft = params
            .signed_by(&DraftKey(key), &Issuer::new(above, DraftKey(&self.key)))
            .map_err(|source| PkiError::Drafting { subject: spec.common_name.clone(), source })?;
        finish(draft.der(), self.certificate.subject_raw(), &subject, &self.key, &spec.common_name)
    }
}

/// What authorities and leaves have in common.
fn params(common_name: &str, names: &SanSet, validity: Validity) -> Result<CertificateParams, PkiError> {
    for moment in [validity.not_before(), validity.not_after()] {
        // The years that X.509 can write; the encoder panics on others.
        if !(1950..=9999).contains(&moment.year()) {
            return Err(PkiError::Unrepresentable { what: "the time", value: moment.to_string() });
        }
    }
    let mut params = CertificateParams::default();
    // A draft without a subject would get critical names.
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.subject_alt_names = draft::alternative_names(names)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.not_before = validity.not_before();
    params.not_after = validity.not_after();
    Ok(params)
}

fn usage(usage: &ExtendedKeyUsage) -> Result<ExtendedKeyUsagePurpose, PkiError> {
    match usage.oid() {
        // The first two numbers share one place, which bounds them; the encoder panics on others.
        oid @ ([0 | 1, 0..=39, ..] | [2, 0..=1_000_000, ..]) => Ok(ExtendedKeyUsagePurpose::Other(oid.to_vec())),
        _ => Err(PkiError::Unrepresentable { what: "the usage", value: format!("{usage:?}") }),
    }
}

/// `CA:FALSE`, written out because `IsCa::ExplicitNoCa` brings a subject key identifier, which Go's leaves lack.
fn not_an_authority() -> CustomExtension {
    const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
    const EMPTY_SEQUENCE: [u8; 2] = [0x30, 0];
    let mut extension = CustomExtension::from_oid_content(BASIC_CONSTRAINTS, EMPTY_SEQUENCE.to_vec());
    extension.set_criticality(true);
    extension
}

fn finish(
    draft: &[u8],
    issuer: &[u8],
    subject: &[u8],
    key: &PrivateKey,
    common_name: &str,
) -> Result<Certificate, PkiError> {
    let der = draft::finish(draft, &[(Place::Issuer, issuer), (Place::Subject, subject)], key)
        .ok_or_else(|| PkiError::Signing { subject: common_name.to_owned() })?;
    Certificate::from_der(&der)
}

/// The first 160 bits of the SHA-256 of the public key, as Go names keys since 1.25.
fn key_identifier(key: &PrivateKey) -> Vec<u8> {
    Sha256::digest(key.public_bits())[..20].to_vec()
}

/// A random number, all of 1 to 2^63-2 equally likely.
fn random_serial(subject: &str) -> Result<u64, PkiError> {
    let random = SystemRandom::new();
    loop {
        let mut bytes = [0; 8];
        random.fill(&mut bytes).map_err(|_unspecified| PkiError::Signing { subject: subject.to_owned() })?;
        let serial = u64::from_be_bytes(bytes) >> 1;
        if (1..u64::MAX >> 1).contains(&serial) {
            return Ok(serial);
        }
    }
}

#[cfg(test)]
mod tests;
