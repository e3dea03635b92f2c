//! A certificate as bytes, with everything we ask of it read once at the border.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use time::OffsetDateTime;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_X509_EXT_EXTENDED_KEY_USAGE;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use crate::error::PkiError;
use crate::{ExtendedKeyUsage, KeyUsages, SanSet, pem};

/// An X.509 certificate and the intermediates that stood behind it in its file.
///
/// Two are equal if their DER is. Clones share the bytes.
#[derive(Clone)]
pub struct Certificate {
    der: Arc<[u8]>,
    facts: Arc<Facts>,
    intermediates: Vec<Certificate>,
}

/// What was read from the DER.
struct Facts {
    subject: Name,
    issuer: Name,
    names: SanSet,
    key_usages: Option<KeyUsages>,
    extended_key_usages: Vec<ExtendedKeyUsage>,
    basic_constraints: Option<BasicConstraints>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    serial: Vec<u8>,
    spki: Vec<u8>,
    public_bits: Vec<u8>,
    subject_key_identifier: Option<Vec<u8>>,
    authority_key_identifier: Option<Vec<u8>>,
}

struct Name {
    common_name: Option<String>,
    organizations: Vec<String>,
    raw: Vec<u8>,
}

#[derive(Clone, Copy)]
pub(crate) struct BasicConstraints {
    pub(crate) ca: bool,
    /// How many intermediates may follow.
    pub(crate) path_length: Option<u32>,
}

impl Certificate {
    /// Reads a certificate file: the first certificate, and the rest as its intermediates.
    ///
    /// # Errors
    /// `TooLarge` above [`MAX_CERTIFICATE_FILE`], `NoCertificate`, `MalformedCertificate`.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, PkiError> {
        let mut all = Self::bundle_from_pem(bytes)?.into_iter();
        let first = all.next().ok_or(PkiError::NoCertificate)?;
        Ok(Self { intermediates: all.collect(), ..first })
    }

    /// Reads a bundle of authorities, each standing for itself; never empty.
    ///
    /// # Errors
    /// As [`Self::from_pem`].
    pub fn bundle_from_pem(bytes: &[u8]) -> Result<Vec<Self>, PkiError> {
        if bytes.len() > MAX_CERTIFICATE_FILE {
            return Err(PkiError::TooLarge { what: "certificate file", limit: MAX_CERTIFICATE_FILE });
        }
        let all = pem::blocks(bytes)
            .iter()
            .filter(|block| block.label == LABEL)
            .map(|block| Self::from_der(&block.contents))
            .collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() { Err(PkiError::NoCertificate) } else { Ok(all) }
    }

    /// Reads one certificate from DER.
    ///
    /// # Errors
    /// `MalformedCertificate`, also for bytes behind the certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(malformed)?;
        if !rest.is_empty() {
            return Err(malformed("trailing bytes"));
        }
        check_signature_algorithm(der)?;
        Ok(Self { der: der.into(), facts: Arc::new(Facts::read(&parsed)?), intermediates: Vec::new() })
    }

    /// The certificate itself in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate itself in PEM, without intermediates or whatever else its file held.
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.der).to_string()
    }

    /// The certificate and its intermediates in PEM.
    pub fn chain_pem(&self) -> String {
        std::iter::once(self).chain(&self.intermediates).map(Self::to_pem).collect()
    }

    /// The certificates that followed in the file.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }

    /// Last common name of the subject, as Go reads it.
    pub fn common_name(&self) -> Option<&str> {
        self.facts.subject.common_name.as_deref()
    }

    /// Organizations of the subject, which Kubernetes takes for groups.
    pub fn organizations(&self) -> &[String] {
        &self.facts.subject.organizations
    }

    /// Last common name of the issuer.
    pub fn issuer_common_name(&self) -> Option<&str> {
        self.facts.issuer.common_name.as_deref()
    }

    /// DNS names and addresses in the certificate's own order.
    pub fn names(&self) -> &SanSet {
        &self.facts.names
    }

    /// The key usage extension, if there.
    pub fn key_usages(&self) -> Option<KeyUsages> {
        self.facts.key_usages
    }

    /// The extended key usages in the certificate's own order.
    pub fn extended_key_usages(&self) -> &[ExtendedKeyUsage] {
        &self.facts.extended_key_usages
    }

    /// True if it says `CA:TRUE`.
    pub fn is_ca(&self) -> bool {
        self.facts.basic_constraints.is_some_and(|constraints| constraints.ca)
    }

    /// True if it says either `CA:TRUE` or `CA:FALSE`.
    pub fn has_basic_constraints(&self) -> bool {
        self.facts.basic_constraints.is_some()
    }

    /// First moment of validity, in UTC.
    pub fn not_before(&self) -> OffsetDateTime {
        self.facts.not_before
    }

    /// Last moment of validity, in UTC.
    pub fn not_after(&self) -> OffsetDateTime {
        self.facts.not_after
    }

    /// Serial number, big endian, as encoded.
    pub fn serial(&self) -> &[u8] {
        &self.facts.serial
    }

    /// DER of the public key, the input of [`crate::DiscoveryHash`].
    pub fn spki_der(&self) -> &[u8] {
        &self.facts.spki
    }

    /// The subject key identifier, if there.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.facts.subject_key_identifier.as_deref()
    }

    /// The authority key identifier, if there.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.facts.authority_key_identifier.as_deref()
    }

    /// What to call it in messages.
    pub(crate) fn display_name(&self) -> String {
        self.common_name().unwrap_or("(no common name)").to_owned()
    }

    pub(crate) fn subject_raw(&self) -> &[u8] {
        &self.facts.subject.raw
    }

    pub(crate) fn issuer_raw(&self) -> &[u8] {
        &self.facts.issuer.raw
    }

    pub(crate) fn public_bits(&self) -> &[u8] {
        &self.facts.public_bits
    }

    pub(crate) fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.facts.basic_constraints
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Certificate")
            .field("subject", &self.display_name())
            .field("issuer", &self.issuer_common_name())
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

impl Facts {
    fn read(parsed: &X509Certificate<'_>) -> Result<Self, PkiError> {
        let mut facts = Self {
            subject: Name::read(&parsed.subject),
            issuer: Name::read(&parsed.issuer),
            names: SanSet::default(),
            key_usages: None,
            extended_key_usages: Vec::new(),
            basic_constraints: None,
            not_before: parsed.validity.not_before.to_datetime(),
            not_after: parsed.validity.not_after.to_datetime(),
            serial: parsed.raw_serial().to_vec(),
            spki: parsed.subject_pki.raw.to_vec(),
            public_bits: parsed.subject_pki.subject_public_key.data.to_vec(),
            subject_key_identifier: None,
            authority_key_identifier: None,
        };
        // Refuses an extension that comes twice, which could otherwise be read in two ways.
        parsed.extensions_map().map_err(malformed)?;
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(found) => {
                    facts.basic_constraints =
                        Some(BasicConstraints { ca: found.ca, path_length: found.path_len_constraint });
                }
                ParsedExtension::KeyUsage(found) => facts.key_usages = Some(KeyUsages { bits: found.flags }),
                ParsedExtension::SubjectAlternativeName(found) => facts.names = read_names(&found.general_names),
                ParsedExtension::SubjectKeyIdentifier(found) => {
                    facts.subject_key_identifier = Some(found.0.to_vec());
                }
                ParsedExtension::AuthorityKeyIdentifier(found) => {
                    facts.authority_key_identifier = found.key_identifier.as_ref().map(|key| key.0.to_vec());
                }
                // The parser's own form of it loses the order.
                _ if extension.oid == OID_X509_EXT_EXTENDED_KEY_USAGE => {
                    facts.extended_key_usages = read_usages(extension.value)?;
                }
                ParsedExtension::ParseError { error } => return Err(malformed(error)),
                _ => {}
            }
        }
        Ok(facts)
    }
}

impl Name {
    fn read(name: &X509Name<'_>) -> Self {
        let text = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            // Odd string types become readable text; comparisons use the raw name.
            attribute
                .as_str()
                .map_or_else(|_error| String::from_utf8_lossy(attribute.as_slice()).into_owned(), str::to_owned)
        };
        Self {
            common_name: name.iter_common_name().last().map(text),
            organizations: name.iter_organization().map(text).collect(),
            raw: name.as_raw().to_vec(),
        }
    }
}

/// Checks that the algorithm beside the signature is the one that was signed, byte for byte.
///
/// RFC 5280 section 4.1.1.2 demands it and the parser does not look; Go refuses such certificates.
fn check_signature_algorithm(der: &[u8]) -> Result<(), PkiError> {
    let parts = |sequence: &[u8]| {
        yasna::parse_der(sequence, |reader| reader.collect_sequence_of(|reader| reader.read_der())).map_err(malformed)
    };
    let outer = parts(der)?;
    let signed = parts(outer.first().map_or(&[], Vec::as_slice))?;
    // Certificates of version 1 begin with the serial number, all others with the version.
    let has_version = signed.first().is_some_and(|part| part.first() == Some(&EXPLICIT_0));
    let algorithm = signed.get(if has_version { 2 } else { 1 });
    match algorithm.is_some() && algorithm == outer.get(1) {
        true => Ok(()),
        false => Err(malformed("the signature algorithms differ")),
    }
}

/// Takes names and addresses; other kinds, such as mail addresses, mean nothing to Kubernetes.
fn read_names(found: &[GeneralName<'_>]) -> SanSet {
    let mut dns = Vec::new();
    let mut ips = Vec::new();
    for name in found {
        match name {
            GeneralName::DNSName(name) => dns.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let v6 = || <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
                ips.extend(v4.or_else(|_length| v6()));
            }
            _ => {}
        }
    }
    SanSet::as_found(dns, ips)
}

fn read_usages(value: &[u8]) -> Result<Vec<ExtendedKeyUsage>, PkiError> {
    let mut usages = Vec::new();
    yasna::parse_der(value, |reader| {
        reader.read_sequence_of(|reader| {
            usages.push(ExtendedKeyUsage::from_oid(reader.read_oid()?.components().clone()));
            Ok(())
        })
    })
    .map_err(malformed)?;
    Ok(usages)
}

fn malformed(reason: impl ToString) -> PkiError {
    PkiError::MalformedCertificate { reason: reason.to_string() }
}

/// The most bytes that [`Certificate::from_pem`] reads: several hundred certificates.
///
/// Keeps a wrong path, such as a disk image, out of memory.
pub const MAX_CERTIFICATE_FILE: usize = 1024 * 1024;

/// Tag of an explicitly tagged field 0.
const EXPLICIT_0: u8 = 0xa0;

const LABEL: &str = "CERTIFICATE";

#[cfg(test)]
mod tests;
