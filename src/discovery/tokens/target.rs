//! What a kubeconfig of an administrator says of the cluster: how to reach it, and what a join command names.

use camino::Utf8Path;
use kubewright_config::yaml;
use kubewright_pki::{Certificate, DiscoveryHash};
use zeroize::Zeroizing;

use crate::in_force::InForce;
use crate::{DiscoveryError, DocumentFault, ReadFile, document};

/// Where to join, and the pins of the cluster's authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinTarget {
    /// URL of the API server.
    pub server: String,
    /// One pin for each authority, in their order.
    pub pins: Vec<DiscoveryHash>,
}

impl JoinTarget {
    /// Reads it out of a kubeconfig; `read` gives the file of authorities if the kubeconfig only names one.
    ///
    /// # Errors
    /// The kubeconfig cannot be used, or names no authority.
    pub fn of(path: &Utf8Path, bytes: &[u8], read: ReadFile<'_>) -> Result<Self, DiscoveryError> {
        let origin = || path.to_string();
        let fault = |source| DiscoveryError::Document { origin: origin(), source };
        let parts = InForce::of(&document::parse(bytes).map_err(fault)?).map_err(fault)?;
        let pem = match (parts.authority(), &parts.cluster.certificate_authority) {
            (Some(pem), _) => pem,
            (None, Some(file)) => {
                let file = path.parent().unwrap_or(path).join(file);
                match read(&file) {
                    Ok(Some(contents)) => contents.as_bytes().to_vec(),
                    Ok(None) => return Err(DiscoveryError::Absent { path: file }),
                    Err(failure) => {
                        return Err(DiscoveryError::Unreadable { path: file, why: failure.chain().join(": ") });
                    }
                }
            }
            (None, None) => return Err(DiscoveryError::NoAuthority { origin: origin() }),
        };
        let bundle = Certificate::bundle_from_pem(&pem)
            .map_err(|source| DiscoveryError::Authority { endpoint: origin(), source })?;
        Ok(Self { server: parts.cluster.server, pins: bundle.iter().map(DiscoveryHash::of).collect() })
    }
}

/// The kubeconfig for a client of ours: the parts in force alone, and paths that hold wherever the client runs. As kubectl
/// reads them, relative paths begin where the kubeconfig is.
///
/// # Errors
/// The kubeconfig cannot be used. It is not quoted, since it may hold credentials anywhere.
pub fn client_kubeconfig(path: &Utf8Path, bytes: &[u8]) -> Result<Zeroizing<String>, DocumentFault> {
    let mut parts = InForce::of(&document::parse(bytes)?)?;
    parts.resolve_in(path.parent().unwrap_or(path));
    // A kubeconfig always has a JSON form: its keys are texts.
    let document = serde_json::to_value(parts.to_client()).unwrap_or_default();
    Ok(Zeroizing::new(yaml::to_string(&document)))
}
