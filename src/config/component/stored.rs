//! The components' documents as a cluster stores them, brought to the version that it is upgraded to.

use super::{
    KUBE_PROXY_API, KUBELET_API, KubeProxyDoc, KubeletDoc, config_hash, defaulted_kube_proxy, defaulted_kubelet,
};
use crate::error::{ConfigError, Warning};
use crate::facts::VersionFacts;
use crate::model::{ApiEndpoint, ClusterConfiguration};
use crate::validate::Check;
use crate::yaml;

/// A document in a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredComponent {
    /// The document.
    pub text: String,
    /// Whether it is as it was generated: the ConfigMap's hash is that of what it holds. Anybody else's is the user's.
    pub generated: bool,
}

impl StoredComponent {
    /// Tells by the ConfigMap's annotation `kubeadm.kubernetes.io/component-config.hash` whether it was generated; its
    /// values must come in the order of their keys.
    pub fn of<'a>(text: &str, annotation: Option<&str>, values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let generated = annotation.is_some_and(|hash| hash == config_hash(values));
        Self { text: text.to_owned(), generated }
    }

    /// The document's `apiVersion`; `None` where it is no YAML object that has one.
    pub fn api_version(&self) -> Option<String> {
        let document = yaml::document(self.text.as_bytes()).ok()?;
        document.value().get("apiVersion")?.as_str().map(str::to_owned)
    }
}

/// The user's document is of an API version that nobody here reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unsupported apiVersion {found:?}, you may have to do manual conversion to {known:?} and execute kubeadm again"
)]
pub struct UnknownComponentVersion {
    /// What the document says.
    pub found: String,
    /// What is read.
    pub known: &'static str,
}

/// What a stored document can be wrong in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// It is not one YAML object.
    #[error(transparent)]
    Document(#[from] ConfigError),
    /// It is of an unknown version.
    #[error(transparent)]
    Version(#[from] UnknownComponentVersion),
}

/// Brings the kubelets' stored document to a version: what it says stays, and defaults are added. One that was generated in
/// a version that is not read any more is generated anew. kubeadm: `componentconfigs/configset.go`.
///
/// # Errors
/// It is no YAML object, or the user's and of another API version.
pub fn stored_kubelet(
    stored: &StoredComponent,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    resolved_active: bool,
) -> Result<(KubeletDoc, Vec<Warning>), StoredError> {
    let document = of_version(stored, KUBELET_API)?;
    let mut check = Check::new(document.as_ref());
    let mut made = defaulted_kubelet(cluster, facts, resolved_active, &mut check);
    made.user_supplied = !stored.generated;
    Ok((made, check.warnings))
}

/// Brings kube-proxy's stored document to a version, as [`stored_kubelet`] does.
///
/// # Errors
/// As there.
pub fn stored_kube_proxy(
    stored: &StoredComponent,
    endpoint: ApiEndpoint,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
) -> Result<(KubeProxyDoc, Vec<Warning>), StoredError> {
    let document = of_version(stored, KUBE_PROXY_API)?;
    let mut check = Check::new(document.as_ref());
    let mut made = defaulted_kube_proxy(endpoint, cluster, facts, &mut check);
    made.user_supplied = !stored.generated;
    Ok((made, check.warnings))
}

fn of_version(stored: &StoredComponent, known: &'static str) -> Result<Option<yaml::Document>, StoredError> {
    let document = yaml::document(stored.text.as_bytes())?;
    let found = document.value().get("apiVersion").and_then(serde_json::Value::as_str).unwrap_or_default();
    match found == known {
        true => Ok(Some(document)),
        false if stored.generated => Ok(None),
        false => Err(UnknownComponentVersion { found: found.to_owned(), known }.into()),
    }
}

#[cfg(test)]
mod tests;
