//! From what came back, or did not, to a `KubeError`.

use std::error::Error;
use std::io;

use ::kube::client::AuthError;
use http::StatusCode;
use kubewright_node::{KubeError, KubeErrorKind};
use rustls::{AlertDescription, CertificateError};
use serde::Deserialize;

use super::connect;
use crate::{innermost, shorten};

/// What is asked, in the words that an error uses.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) doing: &'static str,
    pub(super) object: String,
}

impl Question {
    pub(super) fn error(&self, kind: KubeErrorKind, message: impl Into<String>) -> KubeError {
        KubeError { kind, doing: self.doing, object: self.object.clone(), message: message.into() }
    }
}

/// The parts of the server's `Status` object that say why it refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    kind: String,
    reason: String,
    message: String,
}

/// Why an answer with this status is a refusal.
pub(crate) fn refusal(status: StatusCode, body: &[u8]) -> (KubeErrorKind, String) {
    let said: Status = serde_json::from_slice(body).unwrap_or_default();
    let kind = match status.as_u16() {
        401 => KubeErrorKind::Unauthorized,
        403 => KubeErrorKind::Forbidden,
        404 => KubeErrorKind::NotFound,
        409 if said.reason == "AlreadyExists" => KubeErrorKind::AlreadyExists,
        409 => KubeErrorKind::Conflict,
        // 400, 413 and 415 are about the request as it stands, like 422: the same request never fares better.
        400 | 413 | 415 | 422 => KubeErrorKind::Invalid,
        429 | 500 | 502..=504 => KubeErrorKind::Busy,
        _ => KubeErrorKind::Other,
    };
    let message = if said.message.is_empty() { plain(status, body) } else { shorten(&said.message) };
    (kind, message)
}

/// Whether a 404 is about the object, not about a path that the server does not serve (yet).
pub(super) fn names_an_object(body: &[u8]) -> bool {
    serde_json::from_slice::<Status>(body).is_ok_and(|said| said.kind == "Status" && said.reason == "NotFound")
}

/// The words of an answer that is not a `Status`. A health endpoint lists its checks, of which only the failed count.
fn plain(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let failed: Vec<&str> = text.lines().filter(|line| line.starts_with("[-]")).collect();
    let words = if failed.is_empty() { shorten(&text) } else { shorten(&failed.join(", ")) };
    if words.is_empty() { status.to_string() } else { format!("{status}: {words}") }
}

/// Why no answer came. `server` is where it was to come from.
pub(crate) fn silence(server: &str, error: &(dyn Error + 'static)) -> (KubeErrorKind, String) {
    for cause in chain(error) {
        if let Some(error) = cause.downcast_ref::<rustls::Error>()
            && let Some(words) = distrust(error)
        {
            return (KubeErrorKind::Access, format!("{server}: {words}"));
        }
        if let Some(error) = cause.downcast_ref::<AuthError>() {
            return (KubeErrorKind::Access, connect::refused(error));
        }
    }
    (KubeErrorKind::Unreachable, format!("{server}: {}", innermost(error)))
}

/// What a TLS handshake that can never succeed says about certificates.
fn distrust(error: &rustls::Error) -> Option<String> {
    let words = match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the server's certificate is not signed by the certificate authority that the kubeconfig trusts".into()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired, or this machine's clock is wrong".into()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet, or this machine's clock is wrong".into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("the server's certificate is for another name or address: {}", shorten(&error.to_string()))
            }
            error => format!("the server's certificate cannot be verified: {}", shorten(&error.to_string())),
        },
        rustls::Error::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate),
        ) => format!("the server refuses the client certificate: {alert:?}"),
        _ => return None,
    };
    Some(words)
}

/// Every error of the chain. An `io::Error` that wraps another error hides it from `source`.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| beneath(error))
}

fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests;
