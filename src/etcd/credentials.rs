//! TLS for etcd: its own authority and nobody else's, and a client's certificate.

use std::sync::Arc;

use kubewright_node::EtcdTls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// What a TLS connection to etcd needs, or which of the three cannot be used.
pub(crate) fn client_config(tls: &EtcdTls) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    for authority in certificates("the etcd CA", &tls.authority)? {
        roots.add(authority).map_err(|error| format!("the etcd CA cannot be used: {error}"))?;
    }
    let chain = certificates("the etcd client certificate", &tls.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(tls.key.as_bytes())
        .map_err(|error| format!("the etcd client key cannot be read: {error}"))?;
    // Named here, so that it works whatever the process has, or has not yet, installed.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("the etcd client certificate and key cannot be used: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(what: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if found.is_empty() => Err(format!("{what} holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{what} cannot be read: {error}")),
    }
}
