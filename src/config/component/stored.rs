//! The components' documents as a cluster stores them.

use super::config_hash;
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

#[cfg(test)]
mod tests;
