//! DER for what we write: keys and the signed part of certificates.
//!
//! Written out here so that extensions come in Go's order and an authority's name is
//! copied byte for byte, which matters for a company's own authority with repeated name parts.

use time::OffsetDateTime;
use yasna::models::{GeneralizedTime, ObjectIdentifier, UTCTime};
use yasna::{DERWriter, DERWriterSeq, Tag};
use zeroize::Zeroizing;

use crate::error::PkiError;
use crate::usage::ExtendedKeyUsage;
use crate::{SanSet, Validity};

/// Everything a certificate says, already decided.
pub(crate) struct Template<'a> {
    pub(crate) serial: u64,
    /// DER of the issuer's name.
    pub(crate) issuer: &'a [u8],
    /// DER of the subject's name.
    pub(crate) subject: &'a [u8],
    pub(crate) validity: Validity,
    /// DER of the subject's public key.
    pub(crate) spki: &'a [u8],
    pub(crate) may_sign_certificates: bool,
    pub(crate) usages: &'a [ExtendedKeyUsage],
    /// `Some(true)` for an authority, `Some(false)` to say that it is none.
    pub(crate) basic_constraints: Option<bool>,
    pub(crate) subject_key_identifier: Option<&'a [u8]>,
    pub(crate) authority_key_identifier: Option<&'a [u8]>,
    pub(crate) names: &'a SanSet,
}

#[derive(Clone, Copy)]
pub(crate) enum SignatureAlgorithm {
    RsaSha256,
    EcdsaSha256,
    EcdsaSha384,
}

/// Encodes the part of a certificate that gets signed.
pub(crate) fn to_be_signed(template: &Template<'_>, algorithm: SignatureAlgorithm) -> Result<Vec<u8>, PkiError> {
    // Checked here because the writer panics on what it cannot encode.
    if let Some(name) = template.names.dns().iter().find(|name| !name.is_ascii()) {
        return Err(PkiError::Unrepresentable { what: "the DNS name", value: name.clone() });
    }
    if let Some(usage) = template.usages.iter().find(|usage| !is_oid(usage.oid())) {
        return Err(PkiError::Unrepresentable { what: "the usage", value: format!("{usage:?}") });
    }
    for moment in [template.validity.not_before(), template.validity.not_after()] {
        if !(1950..=9999).contains(&moment.year()) {
            return Err(PkiError::Unrepresentable { what: "the time", value: moment.to_string() });
        }
    }
    Ok(yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_tagged(Tag::context(0), |writer| writer.write_u8(VERSION_3));
            writer.next().write_u64(template.serial);
            write_algorithm(writer.next(), algorithm);
            writer.next().write_der(template.issuer);
            writer.next().write_sequence(|writer| {
                write_time(writer.next(), template.validity.not_before());
                write_time(writer.next(), template.validity.not_after());
            });
            writer.next().write_der(template.subject);
            writer.next().write_der(template.spki);
            writer.next().write_tagged(Tag::context(3), |writer| {
                writer.write_sequence(|writer| write_extensions(writer, template));
            });
        });
    }))
}

/// Puts the signature under the signed part.
pub(crate) fn certificate(to_be_signed: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_der(to_be_signed);
            write_algorithm(writer.next(), algorithm);
            write_bits(writer.next(), signature);
        });
    })
}

/// Encodes a name: all organizations in one set, then the common name, as Go does.
pub(crate) fn name(common_name: &str, organizations: &[String]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            if !organizations.is_empty() {
                writer.next().write_set_of(|writer| {
                    for organization in organizations {
                        write_attribute(writer.next(), oid::ORGANIZATION, organization);
                    }
                });
            }
            writer.next().write_set_of(|writer| write_attribute(writer.next(), oid::COMMON_NAME, common_name));
        });
    })
}

/// Encodes `SubjectPublicKeyInfo`; without a curve the parameters are NULL, as RSA wants them.
pub(crate) fn spki(algorithm: &[u64], curve: Option<&[u64]>, public_bits: &[u8]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_sequence(|writer| {
                writer.next().write_oid(&ObjectIdentifier::from_slice(algorithm));
                match curve {
                    Some(curve) => writer.next().write_oid(&ObjectIdentifier::from_slice(curve)),
                    None => writer.next().write_null(),
                }
            });
            write_bits(writer.next(), public_bits);
        });
    })
}

/// Encodes `ECPrivateKey` of RFC 5915 with the curve and the public point.
pub(crate) fn sec1(scalar: &[u8], curve: &[u64], public_point: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(1);
            writer.next().write_bytes(scalar);
            writer.next().write_tagged(Tag::context(0), |writer| {
                writer.write_oid(&ObjectIdentifier::from_slice(curve));
            });
            writer.next().write_tagged(Tag::context(1), |writer| write_bits(writer, public_point));
        });
    }))
}

/// Takes the algorithm's own encoding out of a PKCS#8 document of version 1.
pub(crate) fn pkcs8_inner(pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    yasna::parse_der(pkcs8, |reader| {
        reader.read_sequence(|reader| {
            reader.next().read_u8()?;
            reader.next().read_der()?;
            reader.next().read_bytes().map(Zeroizing::new)
        })
    })
    .ok()
}

fn write_extensions(writer: &mut DERWriterSeq<'_>, template: &Template<'_>) {
    let usage = |writer: DERWriter<'_>| {
        // Bits count from the left: 0 digital signature, 2 key encipherment, 5 certificate signing.
        match template.may_sign_certificates {
            true => writer.write_bitvec_bytes(&[0b1010_0100], 6),
            false => writer.write_bitvec_bytes(&[0b1010_0000], 3),
        }
    };
    write_extension(writer.next(), oid::KEY_USAGE, true, usage);
    if !template.usages.is_empty() {
        write_extension(writer.next(), oid::EXTENDED_KEY_USAGE, false, |writer| {
            writer.write_sequence(|writer| {
                for usage in template.usages {
                    writer.next().write_oid(&ObjectIdentifier::from_slice(usage.oid()));
                }
            });
        });
    }
    if let Some(authority) = template.basic_constraints {
        write_extension(writer.next(), oid::BASIC_CONSTRAINTS, true, |writer| {
            writer.write_sequence(|writer| {
                // DER leaves out what is the default, and false is.
                if authority {
                    writer.next().write_bool(true);
                }
            });
        });
    }
    if let Some(identifier) = template.subject_key_identifier {
        write_extension(writer.next(), oid::SUBJECT_KEY_IDENTIFIER, false, |writer| {
            writer.write_bytes(identifier);
        });
    }
    if let Some(identifier) = template.authority_key_identifier {
        write_extension(writer.next(), oid::AUTHORITY_KEY_IDENTIFIER, false, |writer| {
            writer.write_sequence(|writer| {
                writer.next().write_tagged_implicit(Tag::context(0), |writer| writer.write_bytes(identifier));
            });
        });
    }
    if !template.names.is_empty() {
        write_extension(writer.next(), oid::SUBJECT_ALT_NAME, false, |writer| {
            writer.write_sequence(|writer| write_names(writer, template.names));
        });
    }
}

fn write_names(writer: &mut DERWriterSeq<'_>, names: &SanSet) {
    for name in names.dns() {
        writer.next().write_tagged_implicit(Tag::context(2), |writer| writer.write_ia5_string(name));
    }
    for ip in names.ips() {
        writer.next().write_tagged_implicit(Tag::context(7), |writer| match ip {
            std::net::IpAddr::V4(ip) => writer.write_bytes(&ip.octets()),
            std::net::IpAddr::V6(ip) => writer.write_bytes(&ip.octets()),
        });
    }
}

fn write_extension(writer: DERWriter<'_>, id: &[u64], critical: bool, content: impl FnOnce(DERWriter<'_>)) {
    writer.write_sequence(|writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(id));
        if critical {
            writer.next().write_bool(true);
        }
        writer.next().write_bytes(&yasna::construct_der(content));
    });
}

fn write_attribute(writer: DERWriter<'_>, id: &[u64], value: &str) {
    writer.write_sequence(|writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(id));
        match value.bytes().all(is_printable) {
            true => writer.next().write_printable_string(value),
            false => writer.next().write_utf8_string(value),
        }
    });
}

/// The first two numbers share one place, which bounds them.
fn is_oid(numbers: &[u64]) -> bool {
    matches!(numbers, [0 | 1, 0..=39, ..] | [2, 0..=1_000_000, ..])
}

/// The alphabet of ASN.1's `PrintableString`.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// RFC 5280 section 4.1.2.5: two-digit years until 2049, four digits from then on.
fn write_time(writer: DERWriter<'_>, moment: OffsetDateTime) {
    match moment.year() < 2050 {
        true => writer.write_utctime(&UTCTime::from_datetime(moment)),
        false => writer.write_generalized_time(&GeneralizedTime::from_datetime(moment)),
    }
}

fn write_algorithm(writer: DERWriter<'_>, algorithm: SignatureAlgorithm) {
    let (id, has_null) = match algorithm {
        SignatureAlgorithm::RsaSha256 => (oid::RSA_SHA256, true),
        SignatureAlgorithm::EcdsaSha256 => (oid::ECDSA_SHA256, false),
        SignatureAlgorithm::EcdsaSha384 => (oid::ECDSA_SHA384, false),
    };
    writer.write_sequence(|writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(id));
        if has_null {
            writer.next().write_null();
        }
    });
}

fn write_bits(writer: DERWriter<'_>, bytes: &[u8]) {
    writer.write_bitvec_bytes(bytes, bytes.len() * 8);
}

/// X.509 numbers its versions from zero.
const VERSION_3: u8 = 2;

/// Object identifiers by their numbers.
pub(crate) mod oid {
    pub(crate) const RSA_ENCRYPTION: &[u64] = &[1, 2, 840, 113_549, 1, 1, 1];
    pub(crate) const EC_PUBLIC_KEY: &[u64] = &[1, 2, 840, 10_045, 2, 1];
    pub(crate) const P256: &[u64] = &[1, 2, 840, 10_045, 3, 1, 7];
    pub(crate) const P384: &[u64] = &[1, 3, 132, 0, 34];
    pub(super) const RSA_SHA256: &[u64] = &[1, 2, 840, 113_549, 1, 1, 11];
    pub(super) const ECDSA_SHA256: &[u64] = &[1, 2, 840, 10_045, 4, 3, 2];
    pub(super) const ECDSA_SHA384: &[u64] = &[1, 2, 840, 10_045, 4, 3, 3];
    pub(super) const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
    pub(super) const ORGANIZATION: &[u64] = &[2, 5, 4, 10];
    pub(super) const SUBJECT_KEY_IDENTIFIER: &[u64] = &[2, 5, 29, 14];
    pub(super) const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
    pub(super) const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
    pub(super) const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
    pub(super) const AUTHORITY_KEY_IDENTIFIER: &[u64] = &[2, 5, 29, 35];
    pub(super) const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
}
