//! What discovery ends with: a kubeconfig for asking for the kubelet's first certificate.

use kubewright_config::{BootstrapToken, yaml};
use kubewright_node::KubeAccess;
use kubewright_pki::{Certificate, Kubeconfig, SecretText, User};
use serde_json::Map;
use std::time::Duration;
use zeroize::Zeroizing;

use crate::DiscoveryError;
use crate::in_force::InForce;

/// The user whose token asks for the first certificate.
pub const TLS_BOOTSTRAP_USER: &str = "tls-bootstrap-token-user";
/// The cluster's name as long as its configuration was not read.
const CLUSTER: &str = "kubernetes";

/// What was found, before it is known with which credentials to go on.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) parts: InForce,
    /// In the words of an error: the endpoint, the path or the URL.
    pub(crate) origin: String,
}

/// A cluster that proved to be the right one, and credentials for it. `Debug` shows no credential.
#[derive(Debug, Clone)]
pub struct Discovered {
    kubeconfig: Kubeconfig,
    authority_pem: Vec<u8>,
    authorities: Vec<Certificate>,
}

impl Discovered {
    /// The document for `bootstrap-kubelet.conf`: one cluster, one context, one user, everything inline.
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// The same in YAML, as kubeadm writes it.
    pub fn to_yaml(&self) -> Zeroizing<String> {
        // A kubeconfig always has a JSON form: its keys are texts.
        Zeroizing::new(yaml::to_string(&serde_json::to_value(&self.kubeconfig).unwrap_or_default()))
    }

    /// URL of the API server.
    pub fn server(&self) -> &str {
        self.kubeconfig.clusters.first().map(|named| named.cluster.server.as_str()).unwrap_or_default()
    }

    /// The authorities as they were given, for `caCertPath`.
    pub fn authority_pem(&self) -> &[u8] {
        &self.authority_pem
    }

    /// The authorities; never empty.
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    /// Access for reading the cluster's configuration with these credentials.
    pub fn access(&self, call_limit: Duration) -> KubeAccess {
        KubeAccess { kubeconfig: self.to_yaml(), server: None, call_limit }
    }

    /// Names the cluster as its configuration does. The context keeps its name, as in kubeadm.
    pub fn rename_cluster(&mut self, name: &str) {
        for named in &mut self.kubeconfig.clusters {
            name.clone_into(&mut named.name);
        }
        for named in &mut self.kubeconfig.contexts {
            name.clone_into(&mut named.context.cluster);
        }
    }

    /// Talks to another API server of the cluster: the one of this node, once it is a control-plane node.
    pub fn set_server(&mut self, server: &str) {
        for named in &mut self.kubeconfig.clusters {
            server.clone_into(&mut named.cluster.server);
        }
    }
}

/// Joins the cluster with the credentials: the token if one is given, else those of the kubeconfig. kubeadm: `discovery.For`.
pub(crate) fn finish(found: Found, token: Option<&BootstrapToken>) -> Result<Discovered, DiscoveryError> {
    let Found { mut parts, origin } = found;
    match token {
        Some(token) => with_token(&mut parts, token),
        None if parts.has_credentials() => {}
        None => return Err(DiscoveryError::NoCredentials { origin }),
    }
    let authority_pem = parts.authority().ok_or_else(|| DiscoveryError::NoAuthority { origin: origin.clone() })?;
    let authorities = Certificate::bundle_from_pem(&authority_pem)
        .map_err(|source| DiscoveryError::Authority { endpoint: origin, source })?;
    Ok(Discovered { kubeconfig: parts.to_kubeconfig(), authority_pem, authorities })
}

fn with_token(parts: &mut InForce, token: &BootstrapToken) {
    // How the server is reached stays; that its certificate was not looked at does not.
    parts.cluster.others.retain(|field, _| ["proxy-url", "tls-server-name"].contains(&field.as_str()));
    CLUSTER.clone_into(&mut parts.cluster_name);
    TLS_BOOTSTRAP_USER.clone_into(&mut parts.user_name);
    parts.user = User { token: Some(SecretText::new(token.reveal().as_str())), ..User::default() };
    parts.context_name = format!("{TLS_BOOTSTRAP_USER}@{CLUSTER}");
    parts.context.user.clone_from(&parts.user_name);
    parts.context.namespace = None;
    parts.context.others = Map::new();
}
