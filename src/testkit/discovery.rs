//! A cluster that a joining node has yet to trust, answering what the test wants.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kubewright_node::{DiscoveryBackend, KubeAccess, KubeError, KubeErrorKind, Trust};
use serde_json::Value as Json;
use zeroize::Zeroizing;

/// Nobody answers until the test gives answers; they are given in order, and the last one again and again.
#[derive(Default)]
pub struct FakeDiscovery(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    answers: VecDeque<Result<Json, KubeErrorKind>>,
    documents: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
}

impl FakeDiscovery {
    /// Adds an answer to whoever asks for `cluster-info`.
    pub fn answer(&self, answer: Result<Json, KubeErrorKind>) {
        self.lock().answers.push_back(answer);
    }

    /// Nobody answers any more.
    pub fn fall_silent(&self) {
        self.lock().answers.clear();
    }

    /// Serves a document at a URL.
    pub fn serve(&self, url: &str, document: impl Into<Vec<u8>>) {
        self.lock().documents.insert(url.into(), document.into());
    }

    /// What was asked, in order: `SERVER anybody`, `SERVER 1 authorities`, `kubeconfig`, or a URL.
    pub fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    fn next(&self, question: String) -> Result<Json, KubeError> {
        let mut inner = self.lock();
        inner.asked.push(question);
        let answer = match inner.answers.len() {
            0 => Err(KubeErrorKind::Unreachable),
            1 => inner.answers[0].clone(),
            _ => inner.answers.pop_front().unwrap_or(Err(KubeErrorKind::Unreachable)),
        };
        answer.map_err(|kind| refused(kind, "ConfigMap kube-public/cluster-info"))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DiscoveryBackend for FakeDiscovery {
    async fn cluster_info(&self, server: &str, trust: &Trust) -> Result<Json, KubeError> {
        self.next(match trust {
            Trust::Anybody => format!("{server} anybody"),
            Trust::Authorities(all) => format!("{server} {} authorities", all.len()),
        })
    }

    async fn cluster_info_as(&self, _: &KubeAccess) -> Result<Json, KubeError> {
        self.next("kubeconfig".into())
    }

    async fn document(&self, url: &str) -> Result<Zeroizing<Vec<u8>>, KubeError> {
        let mut inner = self.lock();
        inner.asked.push(url.into());
        let document = inner.documents.get(url).cloned().map(Zeroizing::new);
        document.ok_or_else(|| refused(KubeErrorKind::NotFound, "the document"))
    }
}

fn refused(kind: KubeErrorKind, object: &str) -> KubeError {
    let message = format!("the fake cluster says {kind:?}");
    KubeError { kind, doing: "get", object: object.into(), message }
}
