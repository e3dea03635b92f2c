//! Keys, certificates and kubeconfig documents: pure bytes in, bytes out.
//!
//! Nothing here opens a file, asks a clock or talks to a cluster. The caller reads
//! bytes, hands in the time, and writes what it gets back. What differs between
//! Kubernetes versions arrives as plain flags in [`Conventions`].

mod authority;
mod certificate;
mod conventions;
mod credential;
mod discovery_hash;
mod draft;
mod error;
mod inspect;
mod key;
mod kubeconfig;
mod leaf;
mod pem;
mod profile;
mod renewal;
mod request;
mod san;
mod usage;

#[cfg(test)]
mod fixture;

pub use authority::{Authority, CaSpec};
pub use certificate::{Certificate, MAX_CERTIFICATE_FILE};
pub use conventions::Conventions;
pub use credential::{SecretText, Source};
pub use discovery_hash::DiscoveryHash;
pub use error::PkiError;
pub use key::{KeyAlgorithm, MAX_KEY_FILE, PrivateKey};
pub use kubeconfig::{Cluster, Context, Kubeconfig, NamedCluster, NamedContext, NamedUser, User};
pub use leaf::{LeafSpec, Validity};
pub use profile::{CertificateKind, CommonName, KubeconfigKind, NameSource, Profile, SERVICE_ACCOUNT_BASE_NAME};
pub use renewal::Fingerprint;
pub use request::CertificateRequest;
pub use san::{ApiserverNames, SanSet};
pub use usage::{ExtendedKeyUsage, KeyUsages};
