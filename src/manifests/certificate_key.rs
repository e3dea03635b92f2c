//! Encryption of the certificates in `kubeadm-certs`: AES-256-GCM with a key that only the join command carries.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use kubewright_config::CertificateKey;
use zeroize::Zeroizing;

use crate::ManifestError;

/// Bytes of the nonce that stands before the ciphertext. It must never repeat under one key.
pub const NONCE_LENGTH: usize = 12;
/// Bytes of the tag that ends the ciphertext.
const TAG_LENGTH: usize = 16;

/// Encrypts a file: nonce, ciphertext, tag.
///
/// # Errors
/// The text is too long for the cipher.
pub fn encrypt(key: &CertificateKey, nonce: &[u8; NONCE_LENGTH], plain: &[u8]) -> Result<Vec<u8>, ManifestError> {
    let failed = |_| ManifestError::Cipher { doing: "encrypt", reason: "the text is too long" };
    let sealed = cipher(key).encrypt(&Nonce::from(*nonce), plain).map_err(failed)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Decrypts what [`encrypt`] or kubeadm made.
///
/// # Errors
/// The text is too short, was changed, or was encrypted with another key.
pub fn decrypt(key: &CertificateKey, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, ManifestError> {
    let fault = |reason| ManifestError::Cipher { doing: "decrypt", reason };
    let Some((nonce, text)) = sealed.split_first_chunk::<NONCE_LENGTH>().filter(|(_, text)| text.len() >= TAG_LENGTH)
    else {
        return Err(fault("the text is too short"));
    };
    let plain = cipher(key).decrypt(&Nonce::from(*nonce), text);
    plain.map(Zeroizing::new).map_err(|_| fault("the key is another one, or the text was changed"))
}

fn cipher(key: &CertificateKey) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key.as_bytes()))
}

#[cfg(test)]
mod tests;
