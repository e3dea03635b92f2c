//! Private keys: making, reading and writing them. They never show themselves in `Debug`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _,
    RSA_PKCS1_SHA256,
};
use zeroize::Zeroizing;

use crate::draft::DraftKey;
use crate::error::PkiError;
use crate::{Certificate, pem};

/// A private key and its public half.
///
/// Clones share one key. The crypto library wipes it when the last clone goes.
#[derive(Clone)]
pub struct PrivateKey {
    pair: Arc<Pair>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair, Curve),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
}

impl PrivateKey {
    /// Makes a new key from the system's random numbers.
    ///
    /// An RSA key of 4096 bits takes seconds.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, PkiError> {
        let rsa = |size| RsaKeyPair::generate(size).map(Pair::Rsa);
        let ecdsa = |curve: Curve| EcdsaKeyPair::generate(curve.signing()).map(|pair| Pair::Ecdsa(pair, curve));
        let pair = match algorithm {
            KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyAlgorithm::EcdsaP256 => ecdsa(Curve::P256),
            KeyAlgorithm::EcdsaP384 => ecdsa(Curve::P384),
        };
        // The crypto library's error says nothing but that there is one.
        pair.map(Self::new).map_err(|_unspecified| PkiError::KeyGeneration { algorithm })
    }

    /// Reads the first usable private key of a PEM text.
    ///
    /// Accepts PKCS#1, SEC1 and PKCS#8; other blocks, such as `EC PARAMETERS`, are passed over.
    ///
    /// # Errors
    /// `NoPrivateKey` without any such block, `UnsupportedKey` if none can be read.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, PkiError> {
        if bytes.len() > MAX_KEY_FILE {
            return Err(PkiError::TooLarge { what: "private key file", limit: MAX_KEY_FILE });
        }
        let mut error = PkiError::NoPrivateKey;
        for block in pem::blocks(bytes) {
            let der = block.contents.as_slice();
            let pair = match block.label {
                PKCS1_LABEL => RsaKeyPair::from_der(der).ok().map(Pair::Rsa),
                SEC1_LABEL => ecdsa_pair(|signing| EcdsaKeyPair::from_private_key_der(signing, der).ok()),
                PKCS8_LABEL => RsaKeyPair::from_pkcs8(der)
                    .ok()
                    .map(Pair::Rsa)
                    .or_else(|| ecdsa_pair(|signing| EcdsaKeyPair::from_pkcs8(signing, der).ok())),
                _ => continue,
            };
            match pair {
                Some(pair) => return Ok(Self::new(pair)),
                None => error = PkiError::UnsupportedKey,
            }
        }
        Err(error)
    }

    /// Writes the key as kubeadm does: PKCS#1 `RSA PRIVATE KEY` or SEC1 `EC PRIVATE KEY`.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, PkiError> {
        match &*self.pair {
            Pair::Rsa(pair) => {
                let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_unspecified| PkiError::KeyEncoding)?;
                let pkcs1 = pkcs8_inner(pkcs8.as_ref()).ok_or(PkiError::KeyEncoding)?;
                Ok(pem::encode(PKCS1_LABEL, &pkcs1))
            }
            Pair::Ecdsa(pair, _) => {
                let sec1: EcPrivateKeyRfc5915Der<'_> =
                    pair.private_key().as_der().map_err(|_unspecified| PkiError::KeyEncoding)?;
                Ok(pem::encode(SEC1_LABEL, sec1.as_ref()))
            }
        }
    }

    /// Writes the public half as PEM `PUBLIC KEY`, the form of `sa.pub`.
    pub fn public_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.public_key_spki_der()).to_string()
    }

    /// Writes the public half as DER `SubjectPublicKeyInfo`.
    pub fn public_key_spki_der(&self) -> Vec<u8> {
        rcgen::PublicKeyData::subject_public_key_info(&DraftKey(self))
    }

    /// Says what kind of key this is; `None` for a loaded RSA key of an unusual size.
    pub fn algorithm(&self) -> Option<KeyAlgorithm> {
        match &*self.pair {
            Pair::Rsa(pair) => match pair.public_modulus_len() * 8 {
                2048 => Some(KeyAlgorithm::Rsa2048),
                3072 => Some(KeyAlgorithm::Rsa3072),
                4096 => Some(KeyAlgorithm::Rsa4096),
                _ => None,
            },
            Pair::Ecdsa(_, Curve::P256) => Some(KeyAlgorithm::EcdsaP256),
            Pair::Ecdsa(_, Curve::P384) => Some(KeyAlgorithm::EcdsaP384),
        }
    }

    /// True if the certificate was made for this key.
    pub fn matches(&self, certificate: &Certificate) -> bool {
        self.public_bits() == certificate.public_bits()
    }

    /// The contents of the public key's bit string, from which key identifiers are computed.
    pub(crate) fn public_bits(&self) -> &[u8] {
        match &*self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ecdsa(pair, _) => pair.public_key().as_ref(),
        }
    }

    pub(crate) fn signature_algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match &*self.pair {
            Pair::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
            Pair::Ecdsa(_, Curve::P256) => &rcgen::PKCS_ECDSA_P256_SHA256,
            Pair::Ecdsa(_, Curve::P384) => &rcgen::PKCS_ECDSA_P384_SHA384,
        }
    }

    /// Signs with the algorithm that [`Self::signature_algorithm`] names; `None` if the library fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Pair::Ecdsa(pair, _) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
        }
    }

    fn new(pair: Pair) -> Self {
        Self { pair: Arc::new(pair) }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrivateKey([redacted])")
    }
}

/// Tries both curves: a SEC1 key may leave its curve to be guessed from its size.
fn ecdsa_pair(read: impl Fn(&'static EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair>) -> Option<Pair> {
    [Curve::P256, Curve::P384].into_iter().find_map(|curve| Some(Pair::Ecdsa(read(curve.signing())?, curve)))
}

/// Takes PKCS#1 out of PKCS#8 of version 1, which is all that the crypto library writes of an RSA key.
fn pkcs8_inner(pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    yasna::parse_der(pkcs8, |reader| {
        reader.read_sequence(|reader| {
            reader.next().read_u8()?;
            reader.next().read_der()?;
            reader.next().read_bytes().map(Zeroizing::new)
        })
    })
    .ok()
}

impl Curve {
    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        }
    }
}

/// The kinds of key that kubeadm's `encryptionAlgorithm` knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// RSA with 2048 bits, kubeadm's default.
    #[default]
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
    /// ECDSA over NIST P-256.
    EcdsaP256,
    /// ECDSA over NIST P-384.
    EcdsaP384,
}

impl KeyAlgorithm {
    /// All kinds, in the order of kubeadm's documentation.
    pub const ALL: [Self; 5] = [Self::EcdsaP256, Self::EcdsaP384, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// The spelling of `encryptionAlgorithm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
            Self::EcdsaP256 => "ECDSA-P256",
            Self::EcdsaP384 => "ECDSA-P384",
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for KeyAlgorithm {
    type Err = PkiError;

    fn from_str(name: &str) -> Result<Self, PkiError> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| PkiError::UnknownAlgorithm { name: name.to_owned() })
    }
}

/// The most bytes that [`PrivateKey::from_pem`] reads; an RSA key of 8192 bits needs about 6500.
pub const MAX_KEY_FILE: usize = 64 * 1024;

const PKCS1_LABEL: &str = "RSA PRIVATE KEY";
const SEC1_LABEL: &str = "EC PRIVATE KEY";
const PKCS8_LABEL: &str = "PRIVATE KEY";

#[cfg(test)]
mod tests;
