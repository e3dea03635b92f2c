//! Reading from the API where a phase does it, or a load or a command: some are patient, and some have a voice.

use kubewright_node::{KubeAccess, KubeBackend, KubeError, ObjectRef, get_patiently};
use serde_json::Value as Json;

use crate::prelude::*;

/// Who asks the API server.
#[derive(Clone, Copy)]
pub enum Asking<'a> {
    /// A phase, patiently and with words.
    Aloud(&'a Kube, &'a Report),
    /// A load of what a run needs to go on: as patiently, without words.
    Unheard(&'a dyn KubeBackend),
    /// A load, or a command that runs no phases: once.
    Silent(&'a dyn KubeBackend),
}

impl Asking<'_> {
    /// Gets an object; `None` when there is none.
    pub async fn find(self, access: &KubeAccess, name: &ObjectRef) -> Result<Option<Json>, Failure> {
        match self {
            Self::Aloud(kube, report) => kube.get(access, name, report).await,
            Self::Unheard(kube) => get_patiently(kube, access, name).await,
            Self::Silent(kube) => Ok(kube.get(access, name).await?),
        }
    }

    /// Gets an object that must be there.
    pub async fn get(self, access: &KubeAccess, name: &ObjectRef) -> Result<Json, Failure> {
        let found = self.find(access, name).await?;
        found.ok_or_else(|| Failure::new(format!("the cluster has no {name}")))
    }

    /// Lists the objects of a kind, once.
    pub async fn list(
        self,
        access: &KubeAccess,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
    ) -> Result<Vec<Json>, KubeError> {
        match self {
            Self::Aloud(kube, _) => kube.list(access, api_version, kind, namespace, None).await,
            Self::Unheard(kube) | Self::Silent(kube) => kube.list(access, api_version, kind, namespace, None).await,
        }
    }

    /// Gets a path such as `/version`, once.
    pub async fn ask(self, access: &KubeAccess, path: &str) -> Result<String, KubeError> {
        match self {
            Self::Aloud(kube, _) => kube.ask(access, path).await,
            Self::Unheard(kube) | Self::Silent(kube) => kube.ask(access, path).await,
        }
    }

    /// The voice of a phase.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Aloud(_, report) => Some(report),
            Self::Unheard(_) | Self::Silent(_) => None,
        }
    }

    /// Says something if it has a voice.
    pub fn note(&self, tag: &str, text: impl Into<String>) {
        if let Some(report) = self.report() {
            report.note(tag, text);
        }
    }
}

/// One text of a ConfigMap.
///
/// # Errors
/// It has no such key.
pub fn entry<'a>(config_map: &'a Json, key: &str, name: &ObjectRef) -> Result<&'a str, Failure> {
    let text = config_map.get("data").and_then(|data| data.get(key)).and_then(Json::as_str);
    text.ok_or_else(|| Failure::new(format!("{name} has no key `{key}`")))
}
