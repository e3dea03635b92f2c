//! Certificate signing requests, for clusters whose authority's key is elsewhere.

use rcgen::{CertificateParams, DnType};

use crate::draft::{self, DraftKey, Place};
use crate::error::PkiError;
use crate::{LeafSpec, PrivateKey, pem};

/// A PKCS#10 request for a leaf certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    der: Vec<u8>,
}

impl CertificateRequest {
    /// Asks for a certificate with the leaf's subject and names, signed with the leaf's own key.
    ///
    /// Usages and validity are the authority's business and not asked for, as with kubeadm.
    ///
    /// # Errors
    /// `Unrepresentable`, `Drafting`, `Signing`.
    pub fn for_leaf(spec: &LeafSpec, key: &PrivateKey) -> Result<Self, PkiError> {
        let subject = draft::subject(spec)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, spec.common_name.as_str());
        params.subject_alt_names = draft::alternative_names(&spec.names)?;
        let draft = params
            .serialize_request(&DraftKey(key))
            .map_err(|source| PkiError::Drafting { subject: spec.common_name.clone(), source })?;
        let der = draft::finish(draft.der(), &[(Place::RequestSubject, &subject)], key)
            .ok_or_else(|| PkiError::Signing { subject: spec.common_name.clone() })?;
        Ok(Self { der })
    }

    /// The request in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request as PEM `CERTIFICATE REQUEST`.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE REQUEST", &self.der).to_string()
    }
}

#[cfg(test)]
mod tests;
