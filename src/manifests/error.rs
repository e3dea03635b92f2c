//! Why a manifest could not be made.

/// A manifest could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The template could not be filled.
    #[error("cannot fill the template of {what}")]
    Fill {
        /// What was being made.
        what: &'static str,
        /// Why.
        #[source]
        source: askama::Error,
    },
    /// The filled template is no YAML, or not of the expected kind: a fault of the template.
    #[error("the template of {what} gave something else: {reason}")]
    Shape {
        /// What was being made.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A static pod of etcd was asked for, but the cluster's etcd is external.
    #[error("the cluster uses an external etcd, so there is no static pod of etcd")]
    ExternalEtcd,
    /// The lifetime of a token leads out of the calendar, or its `expires` is no RFC 3339 moment.
    #[error("the bootstrap token `{id}` has no usable expiry")]
    Expiry {
        /// Public half of the token.
        id: String,
    },
    /// Encryption or decryption with the certificate key failed.
    #[error("cannot {doing} with the certificate key: {reason}")]
    Cipher {
        /// `encrypt` or `decrypt`.
        doing: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
}
