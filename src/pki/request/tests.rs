//! What a request asks for, and that it proves possession of its key.

#![allow(clippy::unwrap_used)]

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::CertificateRequest;
use crate::{LeafSpec, PkiError, SanSet, fixture};

fn parse(request: &CertificateRequest) -> X509CertificationRequest<'_> {
    let (rest, parsed) = X509CertificationRequest::from_der(request.der()).unwrap();
    assert!(rest.is_empty());
    parsed
}

#[test]
fn asks_for_subject_and_names_with_every_kind_of_key() {
    let names = SanSet::new(["cp1", "kubernetes"], ["10.96.0.1".parse().unwrap(), "fd00::1".parse().unwrap()]);
    let mut spec = fixture::leaf(names);
    spec.organizations = vec!["system:masters".to_owned(), "auditors".to_owned()];
    let algorithms = [
        (fixture::RSA_PKCS8, "1.2.840.113549.1.1.11"),
        (fixture::P256_PKCS8, "1.2.840.10045.4.3.2"),
        (fixture::P384, "1.2.840.10045.4.3.3"),
    ];
    for (pem, algorithm) in algorithms {
        let key = fixture::key(pem);
        let request = CertificateRequest::for_leaf(&spec, &key).unwrap();
        let parsed = parse(&request);
        parsed.verify_signature().unwrap();
        assert_eq!(parsed.signature_algorithm.algorithm.to_string(), algorithm);
        let info = &parsed.certification_request_info;
        assert_eq!(info.version.0, 0);
        assert_eq!(info.subject_pki.raw, key.public_key_spki_der());
        // One set of organizations, which DER sorts, then the common name.
        assert_eq!(info.subject.to_string(), "O=auditors + O=system:masters, CN=kube-apiserver");
        let extensions: Vec<_> = parsed.requested_extensions().unwrap().collect();
        let [ParsedExtension::SubjectAlternativeName(names)] = extensions.as_slice() else {
            panic!("asks for more than names: {extensions:?}");
        };
        let v6 = "fd00::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
        assert_eq!(
            names.general_names,
            [
                GeneralName::DNSName("cp1"),
                GeneralName::DNSName("kubernetes"),
                GeneralName::IPAddress(&[10, 96, 0, 1]),
                GeneralName::IPAddress(&v6),
            ]
        );
    }
}

#[test]
fn asks_for_no_extensions_without_names() {
    let request = CertificateRequest::for_leaf(&fixture::leaf(SanSet::default()), &fixture::key(fixture::P384));
    let request = request.unwrap();
    let parsed = parse(&request);
    parsed.verify_signature().unwrap();
    assert!(parsed.requested_extensions().is_none());
}

#[test]
fn is_written_as_pem() {
    let request = CertificateRequest::for_leaf(&fixture::leaf(SanSet::default()), &fixture::key(fixture::P384));
    let request = request.unwrap();
    let text = request.to_pem();
    assert!(text.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
    assert!(text.ends_with("-----END CERTIFICATE REQUEST-----\n"));
    assert_eq!(crate::pem::blocks(text.as_bytes()).remove(0).contents.as_slice(), request.der());
}

#[test]
fn refuses_what_a_request_cannot_say() {
    let good = fixture::leaf(SanSet::default());
    let nameless = LeafSpec { common_name: String::new(), ..good.clone() };
    let umlaut = LeafSpec { names: SanSet::new(["jörg"], []), ..good };
    for spec in [nameless, umlaut] {
        let error = CertificateRequest::for_leaf(&spec, &fixture::key(fixture::P384)).unwrap_err();
        assert!(matches!(error, PkiError::Unrepresentable { .. }), "{error}");
    }
}
