//! What an answer means.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn refused(status: u16, reason: &str) -> (KubeErrorKind, String) {
    let body = json!({"kind": "Status", "reason": reason, "message": "because"}).to_string();
    refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes())
}

#[test]
fn every_status_has_its_kind() {
    for (status, reason, kind) in [
        (400, "BadRequest", KubeErrorKind::Invalid),
        (401, "Unauthorized", KubeErrorKind::Unauthorized),
        (403, "Forbidden", KubeErrorKind::Forbidden),
        (404, "NotFound", KubeErrorKind::NotFound),
        (409, "AlreadyExists", KubeErrorKind::AlreadyExists),
        (409, "Conflict", KubeErrorKind::Conflict),
        (409, "", KubeErrorKind::Conflict),
        (410, "Expired", KubeErrorKind::Other),
        (422, "Invalid", KubeErrorKind::Invalid),
        (429, "TooManyRequests", KubeErrorKind::Busy),
        (500, "InternalError", KubeErrorKind::Busy),
        (501, "", KubeErrorKind::Other),
        (503, "ServiceUnavailable", KubeErrorKind::Busy),
        (504, "Timeout", KubeErrorKind::Busy),
        (302, "", KubeErrorKind::Other),
    ] {
        assert_eq!(refused(status, reason), (kind, "because".to_owned()), "{status} {reason}");
    }
}

#[test]
fn a_health_answer_shows_only_the_checks_that_failed() {
    let body = "[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\n[-]informer-sync failed\nlivez check failed\n";
    let (kind, message) = refusal(StatusCode::INTERNAL_SERVER_ERROR, body.as_bytes());
    assert_eq!(kind, KubeErrorKind::Busy);
    assert_eq!(message, "500 Internal Server Error: [-]etcd failed: reason withheld, [-]informer-sync failed");
}

#[test]
fn an_empty_answer_shows_its_status() {
    assert_eq!(refusal(StatusCode::BAD_GATEWAY, b"").1, "502 Bad Gateway");
}

#[test]
fn a_long_message_becomes_one_short_line() {
    let body = json!({"message": "wörter\n  und ".repeat(200)}).to_string();
    let (_, message) = refusal(StatusCode::FORBIDDEN, body.as_bytes());
    assert_eq!(message.chars().count(), 401);
    assert!(message.starts_with("wörter und wörter"), "{message}");
    assert!(message.ends_with('…'));
}

#[test]
fn tells_a_missing_object_from_a_missing_path() {
    assert!(names_an_object(br#"{"kind":"Status","reason":"NotFound","message":"nodes \"x\" not found"}"#));
    assert!(!names_an_object(b"404 page not found\n"));
    assert!(!names_an_object(br#"{"kind":"Status","reason":"Forbidden"}"#));
}

#[test]
fn finds_a_tls_error_below_io_errors() {
    let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    let wrapped = io::Error::other(io::Error::other(tls));
    let (kind, message) = silence("https://server", &wrapped);
    assert_eq!(kind, KubeErrorKind::Access);
    assert!(message.contains("not signed by the certificate authority"), "{message}");
}

#[test]
fn a_handshake_that_breaks_off_is_worth_another_try() {
    let broken = io::Error::other(rustls::Error::AlertReceived(AlertDescription::InternalError));
    assert_eq!(silence("https://server", &broken).0, KubeErrorKind::Unreachable);
}
