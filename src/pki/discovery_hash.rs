//! The pin of an authority's public key: `--discovery-token-ca-cert-hash`.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::Certificate;
use crate::error::PkiError;

/// SHA-256 of an authority's DER `SubjectPublicKeyInfo`, written `sha256:<hex>`.
///
/// It pins the key, not the certificate: a renewed authority with the same key keeps its pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DiscoveryHash([u8; 32]);

impl DiscoveryHash {
    /// Computes the pin of a certificate.
    pub fn of(certificate: &Certificate) -> Self {
        Self(Sha256::digest(certificate.spki_der()).into())
    }

    /// True if the certificate has the pinned key.
    pub fn matches(&self, certificate: &Certificate) -> bool {
        *self == Self::of(certificate)
    }
}

impl fmt::Display for DiscoveryHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", hex::encode(self.0))
    }
}

impl FromStr for DiscoveryHash {
    type Err = PkiError;

    fn from_str(text: &str) -> Result<Self, PkiError> {
        let malformed = || PkiError::MalformedPin { text: text.to_owned() };
        // kubeadm takes the prefix and the digits in either case.
        let (prefix, digits) = text.split_at_checked(PREFIX.len()).ok_or_else(malformed)?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return Err(malformed());
        }
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).map_err(|_digits| malformed())?;
        Ok(Self(hash))
    }
}

const PREFIX: &str = "sha256:";

#[cfg(test)]
mod tests;
