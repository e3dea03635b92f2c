//! Certificate authorities: making them, taking over existing ones, signing with them.

use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::encode::{self, Template};
use crate::error::PkiError;
use crate::{Certificate, Conventions, LeafSpec, PrivateKey, SanSet, Validity};

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
    /// `Signing`, `Unrepresentable`.
    pub fn self_signed(spec: &CaSpec, key: PrivateKey, validity: Validity) -> Result<Self, PkiError> {
        let name = encode::name(&spec.common_name, &[]);
        let template = Template {
            serial: if spec.serial_zero { 0 } else { random_serial(&spec.common_name)? },
            issuer: &name,
            subject: &name,
            validity,
            spki: &key.public_key_spki_der(),
            may_sign_certificates: true,
            usages: &[],
            basic_constraints: Some(true),
            subject_key_identifier: Some(&key_identifier(&key)),
            authority_key_identifier: None,
            names: &spec.names,
        };
        let certificate = sign(&template, &key, &spec.common_name)?;
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
    /// `Signing`, `Unrepresentable`.
    pub fn sign(&self, spec: &LeafSpec, key: &PrivateKey, validity: Validity) -> Result<Certificate, PkiError> {
        if spec.common_name.is_empty() {
            return Err(PkiError::Unrepresentable { what: "the common name", value: String::new() });
        }
        let template = Template {
            serial: random_serial(&spec.common_name)?,
            issuer: self.certificate.subject_raw(),
            subject: &encode::name(&spec.common_name, &spec.organizations),
            validity,
            spki: &key.public_key_spki_der(),
            may_sign_certificates: false,
            usages: &spec.usages,
            basic_constraints: spec.basic_constraints.then_some(false),
            subject_key_identifier: None,
            authority_key_identifier: self.certificate.subject_key_identifier(),
            names: &spec.names,
        };
        sign(&template, &self.key, &spec.common_name)
    }
}

fn sign(template: &Template<'_>, key: &PrivateKey, subject: &str) -> Result<Certificate, PkiError> {
    let algorithm = key.signature_algorithm();
    let to_be_signed = encode::to_be_signed(template, algorithm)?;
    let signature = key.sign(&to_be_signed).ok_or_else(|| PkiError::Signing { subject: subject.to_owned() })?;
    Certificate::from_der(&encode::certificate(&to_be_signed, algorithm, &signature))
}

/// The first 160 bits of the SHA-256 of the public key, as Go names keys since 1.25.
fn key_identifier(key: &PrivateKey) -> [u8; 20] {
    let digest = Sha256::digest(key.public_bits());
    std::array::from_fn(|index| digest[index])
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
