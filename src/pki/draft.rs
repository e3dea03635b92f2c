//! From a draft by `rcgen` to a signed document with exactly the names it should have.
//!
//! `rcgen` keeps a name as a map: at most one value of a kind, one to a set. The names of companies'
//! own authorities repeat kinds (`DC=com, DC=example`), and users may be in several groups. So it
//! drafts everything, we put the names in byte for byte, and only then is the document signed.

use rcgen::{PublicKeyData, SigningKey};
use yasna::models::ObjectIdentifier;

use crate::error::PkiError;
use crate::{LeafSpec, PrivateKey, SanSet};

/// A key as `rcgen` sees it: it names its algorithm and leaves the signature empty.
pub(crate) struct DraftKey<'a>(pub(crate) &'a PrivateKey);

impl PublicKeyData for DraftKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_bits()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.signature_algorithm()
    }
}

impl SigningKey for DraftKey<'_> {
    fn sign(&self, _draft: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::new())
    }
}

/// A name of the draft, by its place in the part that gets signed.
///
/// RFC 5280 section 4.1 and RFC 2986 section 4.1 fix the places.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// Issuer of a certificate of version 3, as all drafts are.
    Issuer = 3,
    /// Subject of such a certificate.
    Subject = 5,
    /// Subject of a signing request.
    RequestSubject = 1,
}

/// Puts the names into the draft and signs it; `None` if it is no draft or the crypto library fails.
pub(crate) fn finish(draft: &[u8], names: &[(Place, &[u8])], key: &PrivateKey) -> Option<Vec<u8>> {
    let [unsigned, algorithm, _empty] = <[Vec<u8>; 3]>::try_from(parts(draft)?).ok()?;
    let mut parts = parts(&unsigned)?;
    for (place, name) in names {
        *parts.get_mut(*place as usize)? = name.to_vec();
    }
    let to_be_signed = sequence(&parts);
    let signature = key.sign(&to_be_signed)?;
    let signature = yasna::construct_der(|writer| writer.write_bitvec_bytes(&signature, signature.len() * 8));
    Some(sequence(&[to_be_signed, algorithm, signature]))
}

/// Encodes a leaf's subject: all organizations in one set, then the common name, as Go does.
///
/// # Errors
/// `Unrepresentable` without a common name.
pub(crate) fn subject(spec: &LeafSpec) -> Result<Vec<u8>, PkiError> {
    match spec.common_name.is_empty() {
        true => Err(PkiError::Unrepresentable { what: "the common name", value: String::new() }),
        false => Ok(name(&spec.common_name, &spec.organizations)),
    }
}

/// Encodes a name as [`subject`] does.
pub(crate) fn name(common_name: &str, organizations: &[String]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            if !organizations.is_empty() {
                writer.next().write_set_of(|writer| {
                    for organization in organizations {
                        write_attribute(writer.next(), ORGANIZATION, organization);
                    }
                });
            }
            writer.next().write_set_of(|writer| write_attribute(writer.next(), COMMON_NAME, common_name));
        });
    })
}

/// Says names and addresses in `rcgen`'s words.
///
/// # Errors
/// `Unrepresentable` for a DNS name beyond ASCII.
pub(crate) fn alternative_names(names: &SanSet) -> Result<Vec<rcgen::SanType>, PkiError> {
    let dns = names.dns().iter().map(|name| {
        let encoded = name.as_str().try_into();
        let refused = |_error| PkiError::Unrepresentable { what: "the DNS name", value: name.clone() };
        encoded.map(rcgen::SanType::DnsName).map_err(refused)
    });
    dns.chain(names.ips().iter().map(|ip| Ok(rcgen::SanType::IpAddress(*ip)))).collect()
}

/// Takes a sequence apart, each part with its own tag and length.
fn parts(sequence: &[u8]) -> Option<Vec<Vec<u8>>> {
    yasna::parse_der(sequence, |reader| reader.collect_sequence_of(|reader| reader.read_der())).ok()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| parts.iter().for_each(|part| writer.next().write_der(part)));
    })
}

fn write_attribute(writer: yasna::DERWriter<'_>, id: &[u64], value: &str) {
    writer.write_sequence(|writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(id));
        match value.bytes().all(is_printable) {
            true => writer.next().write_printable_string(value),
            false => writer.next().write_utf8_string(value),
        }
    });
}

/// The alphabet of ASN.1's `PrintableString`.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
const ORGANIZATION: &[u64] = &[2, 5, 4, 10];
