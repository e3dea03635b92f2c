//! The detached signature (RFC 7515, appendix F) that the controller manager puts beside the kubeconfig in `cluster-info`,
//! one for each token that may sign. kubeadm: `cluster-bootstrap/token/jws`.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use kubewright_config::BootstrapToken;

/// Signs a text with a token, as the controller manager does.
pub fn sign(token: &BootstrapToken, text: &str) -> String {
    let header = header(token);
    let tag = hmac::sign(&key(token), signing_input(&header, text).as_bytes());
    format!("{header}..{}", BASE64.encode(tag))
}

/// True if the signature was made of this text with this token. Takes equally long wherever the first difference is.
pub fn verify(token: &BootstrapToken, text: &str, signature: &str) -> bool {
    let header = header(token);
    // kubeadm makes the signature anew and compares, so the header must have its very bytes; algorithm and key id are in it.
    let Some(tag) = signature.strip_prefix(header.as_str()).and_then(|rest| rest.strip_prefix("..")) else {
        return false;
    };
    let Ok(tag) = BASE64.decode(tag) else { return false };
    hmac::verify(&key(token), signing_input(&header, text).as_bytes(), &tag).is_ok()
}

fn header(token: &BootstrapToken) -> String {
    BASE64.encode(format!(r#"{{"alg":"HS256","kid":"{}"}}"#, token.id()))
}

fn signing_input(header: &str, text: &str) -> String {
    format!("{header}.{}", BASE64.encode(text))
}

fn key(token: &BootstrapToken) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, token.secret().as_bytes())
}

#[cfg(test)]
mod tests;
