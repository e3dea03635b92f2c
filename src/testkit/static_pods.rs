//! A kubelet that runs whatever manifest stands in its directory, at once.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8Path;
use kubewright_host::Root;
use kubewright_node::{KubeError, NodePods, StaticPodBackend, StaticPodState};
use sha2::{Digest as _, Sha256};

/// Static pods in name only: a manifest's pod is up as soon as the manifest is there, unless it is to fail.
pub struct FakeStaticPods {
    root: Root,
    failing: Mutex<BTreeSet<String>>,
}

impl FakeStaticPods {
    /// Those of a machine whose files are there.
    pub fn on(root: Root) -> Self {
        Self { root, failing: Mutex::default() }
    }

    /// Never lets a pod become ready whose manifest holds this text.
    pub fn fail_with(&self, text: impl Into<String>) {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).insert(text.into());
    }
}

#[async_trait]
impl StaticPodBackend for FakeStaticPods {
    async fn state(&self, _: &NodePods<'_>, component: &str) -> Result<Option<StaticPodState>, KubeError> {
        let path = format!("/etc/kubernetes/manifests/{component}.yaml");
        let Ok(manifest) = fs::read_to_string(self.root.place(Utf8Path::new(&path))) else { return Ok(None) };
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let unready = failing.iter().find(|text| manifest.contains(text.as_str()));
        Ok(Some(StaticPodState {
            hash: hex::encode(Sha256::digest(&manifest)),
            unready: unready.map(|text| format!("the fake kubelet was told not to run `{text}`")),
            container: None,
        }))
    }

    /// Nothing runs that could answer in another's place.
    fn steady(&self) -> Duration {
        Duration::ZERO
    }
}
