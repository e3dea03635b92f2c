//! What a renewed certificate must still say: everything that the old one said.

use std::collections::BTreeSet;
use std::fmt;

use sha2::{Digest, Sha256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::error::PkiError;
use crate::{Certificate, ExtendedKeyUsage};

/// The SHA-256 of a whole certificate, which tells two apart whatever they say; written in lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Computes it of a certificate in DER.
    pub fn of_der(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Certificate {
    /// Its fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_der(self.der())
    }

    /// What it says and the other one does not: attributes of the subject, names, usages. Empty if nothing is lost.
    ///
    /// # Errors
    /// `MalformedCertificate`, of certificates that could not have been read.
    pub fn losses_in(&self, renewed: &Certificate) -> Result<Vec<String>, PkiError> {
        let kept = claims(renewed)?;
        Ok(claims(self)?.into_iter().filter(|claim| !kept.contains(claim)).collect())
    }
}

/// All that somebody may rely on, in words.
fn claims(certificate: &Certificate) -> Result<BTreeSet<String>, PkiError> {
    let malformed = |reason: String| PkiError::MalformedCertificate { reason };
    let (_, parsed) = X509Certificate::from_der(certificate.der()).map_err(|error| malformed(error.to_string()))?;
    let mut claims = BTreeSet::new();
    for attribute in parsed.subject.iter_attributes() {
        let value = attribute.as_str().map_or_else(|_| format!("{:?}", attribute.as_slice()), str::to_owned);
        claims.insert(format!("the subject's {} {value:?}", attribute_name(&attribute.attr_type().to_id_string())));
    }
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                claims.extend(names.general_names.iter().map(name));
            }
            ParsedExtension::KeyUsage(usage) => {
                let usages = (0..16).filter(|bit| usage.flags & (1 << bit) != 0);
                claims.extend(usages.map(|bit| format!("the key usage {}", KEY_USAGES.get(bit).unwrap_or(&"?"))));
            }
            _ => {}
        }
    }
    for usage in certificate.extended_key_usages() {
        claims.insert(match usage {
            ExtendedKeyUsage::ServerAuth => "the usage of a TLS server".to_owned(),
            ExtendedKeyUsage::ClientAuth => "the usage of a TLS client".to_owned(),
            ExtendedKeyUsage::Other(oid) => {
                let numbers: Vec<String> = oid.iter().map(ToString::to_string).collect();
                format!("the usage {}", numbers.join("."))
            }
        });
    }
    Ok(claims)
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => format!("the DNS name {name}"),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let ip = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from));
            ip.map_or_else(|_| format!("the address {bytes:?}"), |ip| format!("the address {}", ip.to_canonical()))
        }
        GeneralName::RFC822Name(name) => format!("the mail address {name}"),
        GeneralName::URI(name) => format!("the URI {name}"),
        other => format!("the name {other:?}"),
    }
}

fn attribute_name(oid: &str) -> &str {
    match oid {
        "2.5.4.3" => "common name",
        "2.5.4.10" => "organization",
        "2.5.4.11" => "organizational unit",
        "2.5.4.6" => "country",
        "2.5.4.7" => "locality",
        "2.5.4.8" => "state",
        other => other,
    }
}

/// By the bits of RFC 5280 section 4.2.1.3.
const KEY_USAGES: &[&str] = &[
    "digital signature",
    "non-repudiation",
    "key encipherment",
    "data encipherment",
    "key agreement",
    "certificate signing",
    "revocation list signing",
    "encipher only",
    "decipher only",
];

#[cfg(test)]
mod tests;
