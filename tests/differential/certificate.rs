//! Certificates and keys in words: everything about them but what is random.

use serde_json::{Value, json};
use time::OffsetDateTime;
use x509_parser::{
    der_parser::parse_der,
    extensions::{GeneralName, ParsedExtension},
    pem::Pem,
    prelude::X509Certificate,
    public_key::PublicKey,
    x509::SubjectPublicKeyInfo,
};

use crate::content::Context;

/// Describes every certificate of a PEM text.
pub(crate) fn certificates(bytes: &[u8], context: &Context) -> Value {
    let authority = context.authority.as_deref().and_then(|bytes| Pem::iter_from_buffer(bytes).next()?.ok());
    let authority = authority.as_ref().and_then(|pem| pem.parse_x509().ok());
    let described = Pem::iter_from_buffer(bytes).map(|pem| match pem {
        Ok(pem) => match pem.parse_x509() {
            Ok(found) => certificate(&found, authority.as_ref(), context.began),
            Err(error) => json!(format!("no certificate: {error}")),
        },
        Err(error) => json!(format!("no PEM: {error}")),
    });
    let mut described: Vec<Value> = described.collect();
    if described.len() == 1 { described.remove(0) } else { Value::Array(described) }
}

fn certificate(found: &X509Certificate<'_>, authority: Option<&X509Certificate<'_>>, began: OffsetDateTime) -> Value {
    let validity = found.validity();
    let began = began.unix_timestamp();
    let not_before = validity.not_before.timestamp();
    let of_authority = authority.is_some_and(|ca| ca.validity().not_before.timestamp() == not_before);
    // An authority that the run itself made is as old as the run, to the second or not.
    let from = match began - not_before {
        ago if ago.abs() < 150 => "now".to_owned(),
        ago if (200..=400).contains(&ago) => "5 minutes ago".to_owned(),
        _ if of_authority => "the authority's own".to_owned(),
        _ => validity.not_before.to_string(),
    };
    // An authority that was there before ends on its own day, however late the run, and so did what has expired; all
    // else counts from the run.
    let authority_before = found.subject() == found.issuer() && from != "now" && from != "5 minutes ago";
    let older = authority_before || validity.not_after.timestamp() < began;
    let mut description = json!({
        "version": found.version().to_string(),
        "subject": found.subject().to_string(),
        "issuer": found.issuer().to_string(),
        "from": from,
        "signature": oid_name(&found.signature_algorithm.algorithm.to_id_string()),
        "key": public_key(found.public_key()),
        "serial is positive": found.raw_serial().first().is_some_and(|byte| byte & 0x80 == 0),
    });
    match older {
        true => description["until"] = json!(validity.not_after.to_string()),
        false => description["hours"] = json!((validity.not_after.timestamp() - began + 360) / 3600),
    }
    let mut order = Vec::new();
    for extension in found.extensions() {
        let (name, value) = match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => ("key usage", json!(usage.to_string())),
            ParsedExtension::ExtendedKeyUsage(usage) => ("extended key usage", extended(usage)),
            ParsedExtension::BasicConstraints(basic) => {
                ("basic constraints", json!({"authority": basic.ca, "path": basic.path_len_constraint}))
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                ("alternative names", names.general_names.iter().map(alternative).collect())
            }
            ParsedExtension::SubjectKeyIdentifier(_) => ("subject key identifier", json!("present")),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                let known = authority.is_some_and(|ca| subject_key(ca) == id.key_identifier.as_ref().map(|id| id.0));
                ("authority key identifier", json!(if known { "the cluster's authority" } else { "another" }))
            }
            _ => ("unknown", json!(extension.oid.to_id_string())),
        };
        order.push(if extension.critical { format!("{name}, critical") } else { name.to_owned() });
        description[name] = value;
    }
    // Their order means nothing.
    order.sort();
    description["extensions"] = json!(order);
    description
}

fn subject_key<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    })
}

fn extended(usage: &x509_parser::extensions::ExtendedKeyUsage<'_>) -> Value {
    let known = [
        (usage.any, "any"),
        (usage.server_auth, "server"),
        (usage.client_auth, "client"),
        (usage.code_signing, "code signing"),
        (usage.email_protection, "email"),
        (usage.time_stamping, "time stamping"),
        (usage.ocsp_signing, "ocsp"),
    ];
    let mut names: Vec<Value> = known.iter().filter(|(is, _)| *is).map(|(_, name)| json!(name)).collect();
    names.extend(usage.other.iter().map(|oid| json!(oid.to_id_string())));
    Value::Array(names)
}

fn alternative(name: &GeneralName<'_>) -> Value {
    match name {
        GeneralName::DNSName(name) => json!(format!("DNS {name}")),
        GeneralName::IPAddress(bytes) => {
            let address = <[u8; 4]>::try_from(*bytes)
                .map(std::net::IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from));
            json!(address.map_or_else(|_| format!("IP {bytes:?}"), |address| format!("IP {address}")))
        }
        other => json!(other.to_string()),
    }
}

fn public_key(key: &SubjectPublicKeyInfo<'_>) -> Value {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            json!(format!("RSA {}, exponent {}", rsa.key_size(), rsa.try_exponent().unwrap_or(0)))
        }
        Ok(PublicKey::EC(_)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            json!(format!("EC {}", curve.map_or_else(String::new, |oid| oid_name(&oid.to_id_string()))))
        }
        _ => json!("unknown"),
    }
}

/// Describes a private or public key: how it is written, and its size.
pub(crate) fn key(bytes: &[u8]) -> Value {
    let described = Pem::iter_from_buffer(bytes).map(|pem| match pem {
        Ok(pem) => json!({"written as": pem.label, "size": key_size(&pem)}),
        Err(error) => json!(format!("no PEM: {error}")),
    });
    let mut described: Vec<Value> = described.collect();
    if described.len() == 1 { described.remove(0) } else { Value::Array(described) }
}

fn key_size(pem: &Pem) -> Value {
    use x509_parser::prelude::FromDer;
    if let Ok((_, public)) = SubjectPublicKeyInfo::from_der(&pem.contents) {
        return public_key(&public);
    }
    // Private keys of both kinds are a sequence: of numbers, the second of which is the modulus, or with the curve's name.
    let Ok((_, sequence)) = parse_der(&pem.contents) else { return json!("unknown") };
    let Ok(items) = sequence.as_sequence() else { return json!("unknown") };
    let numbers: Vec<usize> =
        items.iter().filter_map(|item| item.as_bigint().ok()).map(|n| n.bits() as usize).collect();
    match numbers.as_slice() {
        [_, modulus, ..] => json!(format!("RSA {modulus}")),
        _ => json!(format!("{} bytes", pem.contents.len())),
    }
}

fn oid_name(oid: &str) -> String {
    let known = [
        ("1.2.840.113549.1.1.11", "SHA256-RSA"),
        ("1.2.840.113549.1.1.12", "SHA384-RSA"),
        ("1.2.840.10045.4.3.2", "ECDSA-SHA256"),
        ("1.2.840.10045.4.3.3", "ECDSA-SHA384"),
        ("1.2.840.10045.3.1.7", "P-256"),
        ("1.3.132.0.34", "P-384"),
    ];
    known.iter().find(|(number, _)| *number == oid).map_or(oid, |(_, name)| name).to_owned()
}
