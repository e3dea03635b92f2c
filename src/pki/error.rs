//! What can be wrong with keys, certificates and kubeconfigs.

use time::OffsetDateTime;

/// Why a key, certificate or kubeconfig could not be read, made or trusted.
///
/// No variant carries key material.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The input is longer than any file of this kind.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What was to be read.
        what: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The text holds no `CERTIFICATE` block.
    #[error("no PEM block of type CERTIFICATE found")]
    NoCertificate,
    /// The text holds no block with a private key.
    #[error("no PEM block of type RSA PRIVATE KEY, EC PRIVATE KEY or PRIVATE KEY found")]
    NoPrivateKey,
    /// A certificate does not follow X.509.
    #[error("malformed certificate: {reason}")]
    MalformedCertificate {
        /// What the parser disliked.
        reason: String,
    },
    /// A private key is damaged, or of a kind that Kubernetes does not use.
    #[error("the private key is damaged, or neither RSA with at least 2048 bits nor ECDSA P-256 or P-384")]
    UnsupportedKey,
    /// No such key algorithm.
    #[error("unknown key algorithm `{name}`: use RSA-2048, RSA-3072, RSA-4096, ECDSA-P256 or ECDSA-P384")]
    UnknownAlgorithm {
        /// The text that was given.
        name: String,
    },
    /// The crypto library refused to make a key.
    #[error("cannot generate a private key of type {algorithm}")]
    KeyGeneration {
        /// The algorithm that was asked for.
        algorithm: crate::KeyAlgorithm,
    },
    /// The crypto library refused to write out a key.
    #[error("cannot encode the private key")]
    KeyEncoding,
    /// The library that encodes certificates refused one.
    #[error("cannot encode the certificate of `{subject}`")]
    Drafting {
        /// Common name of the certificate.
        subject: String,
        /// What the library disliked.
        #[source]
        source: rcgen::Error,
    },
    /// The crypto library refused to sign or to give random numbers.
    #[error("cannot sign the certificate of `{subject}`")]
    Signing {
        /// Common name of the certificate.
        subject: String,
    },
    /// A certificate was to be made from something that X.509 cannot say.
    #[error("cannot put {what} `{value}` into a certificate")]
    Unrepresentable {
        /// Which part of the certificate.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// Certificate and private key belong to different pairs.
    #[error("the private key does not belong to the certificate of `{subject}`")]
    KeyMismatch {
        /// Common name of the certificate.
        subject: String,
    },
    /// The certificate does not chain to the expected authority.
    #[error("the certificate of `{subject}` was signed by another authority than `{authority}`")]
    SignedByAnother {
        /// Common name of the certificate.
        subject: String,
        /// Common name of the authority that was expected.
        authority: String,
    },
    /// The certificate in the authority's place may not sign others.
    #[error("the certificate of `{subject}` is not a certificate authority")]
    NotAuthority {
        /// Common name of the certificate.
        subject: String,
    },
    /// The certificate's time is over.
    #[error("the certificate of `{subject}` expired at {not_after}")]
    Expired {
        /// Common name of the certificate.
        subject: String,
        /// Its last moment.
        not_after: OffsetDateTime,
    },
    /// The certificate's time has not come.
    #[error("the certificate of `{subject}` is not valid before {not_before}")]
    NotYetValid {
        /// Common name of the certificate.
        subject: String,
        /// Its first moment.
        not_before: OffsetDateTime,
    },
    /// The certificate does not name all hosts that it serves.
    #[error("the certificate of `{subject}` is not valid for {}", missing.join(", "))]
    NotCovered {
        /// Common name of the certificate.
        subject: String,
        /// The names and addresses it lacks, in the order asked for.
        missing: Vec<String>,
    },
    /// A public key pin is not `sha256:` and 64 hexadecimal digits.
    #[error("`{text}` is not a public key pin: expected sha256: and 64 hexadecimal digits")]
    MalformedPin {
        /// The text that was given.
        text: String,
    },
    /// Inline data of a kubeconfig is not base64.
    #[error("`{field}` of the kubeconfig is not valid base64")]
    MalformedInlineData {
        /// The field of the kubeconfig.
        field: &'static str,
    },
}
