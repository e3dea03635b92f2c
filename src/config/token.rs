//! Secrets that configurations carry: bootstrap tokens and the certificate key. None of them shows in `Debug`.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH: usize = 6;
const SECRET_LENGTH: usize = 16;

/// A bootstrap token `id.secret`; the id is public.
#[derive(Clone, PartialEq, Eq)]
pub struct BootstrapToken {
    id: String,
    secret: Zeroizing<String>,
}

impl BootstrapToken {
    /// Makes a token from random bytes, which `fill` writes.
    pub fn generate(fill: &mut dyn FnMut(&mut [u8])) -> Self {
        let text = random_text(fill, ID_LENGTH + SECRET_LENGTH);
        Self { id: text[..ID_LENGTH].to_owned(), secret: Zeroizing::new(text[ID_LENGTH..].to_owned()) }
    }

    /// Returns the six characters before the dot, which name the Secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the sixteen secret characters.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Returns `id.secret`, for where it must be told: a Secret, or the join command.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}.{}", self.id, *self.secret))
    }

    /// Returns the name of the Secret that holds it.
    pub fn secret_name(&self) -> String {
        format!("bootstrap-token-{}", self.id)
    }
}

impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootstrapToken({}.<secret>)", self.id)
    }
}

/// The text is no bootstrap token. It is not repeated, since it may be most of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not of the form \"[a-z0-9]{{6}}.[a-z0-9]{{16}}\"")]
pub struct TokenError;

impl FromStr for BootstrapToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (id, secret) = text.split_once('.').ok_or(TokenError)?;
        let valid = |part: &str, length| part.len() == length && part.bytes().all(|byte| ALPHABET.contains(&byte));
        if !valid(id, ID_LENGTH) || !valid(secret, SECRET_LENGTH) {
            return Err(TokenError);
        }
        Ok(Self { id: id.to_owned(), secret: Zeroizing::new(secret.to_owned()) })
    }
}

/// Draws characters evenly: bytes that would favour some of them are thrown away.
fn random_text(fill: &mut dyn FnMut(&mut [u8]), length: usize) -> Zeroizing<String> {
    let limit = u8::MAX - u8::MAX % 36;
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0_u8; 32]);
    while text.len() < length {
        fill(&mut bytes[..]);
        let drawn = bytes.iter().filter(|byte| **byte < limit);
        for byte in drawn.take(length - text.len()) {
            text.push(char::from(ALPHABET[usize::from(byte % 36)]));
        }
    }
    text
}

/// The 32-byte AES key of the secret `kubeadm-certs`.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateKey(Zeroizing<[u8; 32]>);

impl CertificateKey {
    /// Makes a key from random bytes, which `fill` writes.
    pub fn generate(fill: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        fill(&mut key[..]);
        Self(key)
    }

    /// Returns the key's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns 64 hexadecimal characters, for where it must be told: the join command.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_slice()))
    }
}

impl fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateKey(<secret>)")
    }
}

/// A secret as the user typed it, not yet parsed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Returns the text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(<secret>)")
    }
}

/// The text is no certificate key. It is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal characters (32 bytes)")]
pub struct CertificateKeyError;

impl FromStr for CertificateKey {
    type Err = CertificateKeyError;

    fn from_str(text: &str) -> Result<Self, CertificateKeyError> {
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, &mut key[..]).map_err(|_| CertificateKeyError)?;
        Ok(Self(key))
    }
}

#[cfg(test)]
mod tests;
