//! The process's cryptography provider for TLS.

/// Makes aws-lc-rs the provider of every TLS client in this process. Calling it again changes nothing.
pub fn install_crypto_provider() {
    // An error means that one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
