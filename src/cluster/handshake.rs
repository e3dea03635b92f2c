//! The certificate that a TLS server shows: a handshake that trusts nobody, sends no credentials and asks for nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::innermost;

/// How long connecting and greeting may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Greets the server at `host:port` and returns its certificate in DER.
pub(crate) async fn certificate(address: &str) -> Result<Vec<u8>, String> {
    match tokio::time::timeout(LIMIT, greet(address)).await {
        Ok(shown) => shown,
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

async fn greet(address: &str) -> Result<Vec<u8>, String> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let witness = Arc::new(Witness::new());
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(witness.clone())
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.map_err(|error| innermost(&error))?;
    let greeted = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    // Who demands a certificate of its clients, as etcd does, ends it here: what it showed it has shown.
    match (witness.proven(), greeted) {
        (Some(shown), _) => Ok(shown),
        (None, Err(error)) => Err(innermost(&error)),
        (None, Ok(_)) => Err("it shows no certificate".into()),
    }
}

/// Takes any certificate and keeps it once the server has proven that it has its key.
#[derive(Debug)]
struct Witness {
    provider: CryptoProvider,
    proven: Mutex<Option<Vec<u8>>>,
}

impl Witness {
    fn new() -> Self {
        Self { provider: aws_lc_rs::default_provider(), proven: Mutex::default() }
    }

    fn proven(&self) -> Option<Vec<u8>> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, certificate: &CertificateDer<'_>) {
        *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate.to_vec());
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms).inspect(|_| self.keep(certificate))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms).inspect(|_| self.keep(certificate))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
