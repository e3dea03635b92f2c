//! The ConfigMap `kube-public/cluster-info` as it comes from a server that nobody vouches for.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// What the key of a signature begins with; the token's id follows.
pub const SIGNATURE_PREFIX: &str = "jws-kubeconfig-";

/// What `cluster-info` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterInfo {
    kubeconfig: String,
    signatures: BTreeMap<String, String>,
}

impl ClusterInfo {
    /// Reads the object; `None` if it is no ConfigMap. What it lacks is empty.
    pub fn read(object: &Json) -> Option<Self> {
        if object.get("kind").and_then(Json::as_str) != Some("ConfigMap") {
            return None;
        }
        let mut kubeconfig = String::new();
        let mut signatures = BTreeMap::new();
        match object.get("data") {
            None | Some(Json::Null) => {}
            Some(data) => {
                for (key, value) in data.as_object()? {
                    let value = value.as_str()?;
                    match key.strip_prefix(SIGNATURE_PREFIX) {
                        Some(id) => {
                            signatures.insert(id.to_owned(), value.to_owned());
                        }
                        None if key == "kubeconfig" => value.clone_into(&mut kubeconfig),
                        None => {}
                    }
                }
            }
        }
        Some(Self { kubeconfig, signatures })
    }

    /// The kubeconfig, byte for byte; `None` if there is none yet.
    pub fn kubeconfig(&self) -> Option<&str> {
        Some(self.kubeconfig.as_str()).filter(|text| !text.is_empty())
    }

    /// The signature made with a token; `None` if there is none yet.
    pub fn signature(&self, token_id: &str) -> Option<&str> {
        self.signatures.get(token_id).map(String::as_str).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests;
