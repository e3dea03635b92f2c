//! The Kubernetes API over HTTPS, on kube's client: every request is tried once and has a deadline of its own. Objects are
//! JSON from end to end, so a field that this program does not know is never lost.

pub(crate) mod answer;
mod connect;
mod path;
mod proxy;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::kube::client::Body;
use async_trait::async_trait;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kubewright_node::{KubeAccess, KubeBackend, KubeError, KubeErrorKind, ObjectRef, PatchKind};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::innermost;
use answer::Question;
use connect::Connected;
use proxy::Proxies;

/// How long one request may take, from connecting to the last byte.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes. etcd takes no object above 1.5 MiB, and an answer has at most 500 of them.
const LARGEST_ANSWER: usize = 16 << 20;
/// The most objects that one answer of a list has.
const PAGE: usize = 500;
/// The most objects that a list may have in all; what has more is not what we look for.
const LONGEST_LIST: usize = 20_000;

/// The API server that a kubeconfig names. Connections are kept and used again for as long as this lives.
///
/// Proxies: a kubeconfig's `proxy-url` counts, else `HTTPS_PROXY` and `NO_PROXY` as they were when this was made, as with
/// client-go. Only `http` proxies are supported.
pub struct ApiServer {
    /// By a digest of kubeconfig and server, so that no second copy of the credentials is kept for the key.
    clients: Mutex<HashMap<[u8; 32], Connected>>,
    proxies: Proxies,
    request_limit: Duration,
}

impl Default for ApiServer {
    fn default() -> Self {
        Self::new()
    }
}

impl ApiServer {
    /// Makes it; nothing is connected yet.
    pub fn new() -> Self {
        crate::install_crypto_provider();
        Self { clients: Mutex::default(), proxies: Proxies::from_environment(), request_limit: REQUEST_LIMIT }
    }

    async fn connected(&self, access: &KubeAccess) -> Result<Connected, String> {
        let key = key_of(access);
        if let Some(known) = self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let made = connect::connect(access, &self.proxies).await?;
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(key, made.clone());
        Ok(made)
    }

    /// Sends one request and reads the whole answer, whatever its status.
    async fn exchange(
        &self,
        access: &KubeAccess,
        question: &Question,
        request: http::request::Builder,
        body: Option<&Json>,
    ) -> Result<(StatusCode, Vec<u8>), KubeError> {
        let unsendable = |error: &dyn std::fmt::Display| question.error(KubeErrorKind::Invalid, error.to_string());
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| unsendable(&error))?;
        let request = request
            .header("accept", "application/json, */*")
            .body(Body::from(body.unwrap_or_default()))
            .map_err(|error| unsendable(&error))?;
        let (asked, began) = (format!("{} {}", request.method(), request.uri()), Instant::now());
        let work = async {
            let connected =
                self.connected(access).await.map_err(|message| question.error(KubeErrorKind::Access, message))?;
            let server = connected.server;
            let response = connected.client.send(request).await.map_err(|error| {
                let (kind, message) = answer::silence(&server, &error);
                question.error(kind, message)
            })?;
            let status = response.status();
            match Limited::new(response.into_body(), LARGEST_ANSWER).collect().await {
                Ok(body) => Ok((status, body.to_bytes().to_vec())),
                Err(error) if error.is::<LengthLimitError>() => {
                    Err(question.error(KubeErrorKind::Other, "the answer is larger than 16 MiB"))
                }
                Err(error) => {
                    let message = format!("{server}: the answer broke off: {}", innermost(&*error));
                    Err(question.error(KubeErrorKind::Unreachable, message))
                }
            }
        };
        let answer = tokio::time::timeout(self.request_limit, work).await.unwrap_or_else(|_| {
            let limit = self.request_limit.as_secs();
            Err(question.error(KubeErrorKind::Unreachable, format!("no answer within {limit} s")))
        });
        let took = began.elapsed().as_millis();
        match &answer {
            Ok((status, _)) => tracing::debug!(target: "request", "{asked} {status} in {took} milliseconds"),
            Err(error) => tracing::debug!(target: "request", "{asked}: {error} after {took} milliseconds"),
        }
        answer
    }

    /// Sends one request whose answer is an object.
    async fn object(
        &self,
        access: &KubeAccess,
        question: &Question,
        request: http::request::Builder,
        body: Option<&Json>,
    ) -> Result<Json, KubeError> {
        let (status, body) = self.exchange(access, question, request, body).await?;
        accept(question, status, &body)?;
        serde_json::from_slice(&body).map_err(|_| question.error(KubeErrorKind::Other, "the answer is not JSON"))
    }
}

#[async_trait]
impl KubeBackend for ApiServer {
    async fn get(&self, access: &KubeAccess, object: &ObjectRef) -> Result<Option<Json>, KubeError> {
        let (question, path) = about("get", object)?;
        let (status, body) = self.exchange(access, &question, Request::get(path), None).await?;
        if status == StatusCode::NOT_FOUND && answer::names_an_object(&body) {
            return Ok(None);
        }
        accept(&question, status, &body)?;
        let object = serde_json::from_slice(&body);
        object.map(Some).map_err(|_| question.error(KubeErrorKind::Other, "the answer is not JSON"))
    }

    async fn list(
        &self,
        access: &KubeAccess,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        field_selector: Option<&str>,
    ) -> Result<Vec<Json>, KubeError> {
        let object = match namespace {
            Some(namespace) => format!("{kind} objects of {namespace}"),
            None => format!("{kind} objects"),
        };
        let question = Question { doing: "list", object };
        let mut path = path::collection(api_version, kind, namespace)
            .map_err(|message| question.error(KubeErrorKind::Invalid, message))?;
        path.push_str(&format!("?limit={PAGE}"));
        if let Some(selector) = field_selector {
            path.push_str(&format!("&fieldSelector={}", path::encode(selector)));
        }
        let (mut items, mut page) = (Vec::new(), path.clone());
        loop {
            let mut answer = self.object(access, &question, Request::get(page), None).await?;
            let Some(Json::Array(found)) = answer.get_mut("items").map(Json::take) else {
                return Err(question.error(KubeErrorKind::Other, "the answer is not a list"));
            };
            // A server that promises more and gives nothing would keep us for ever.
            let empty = found.is_empty();
            items.extend(found);
            match answer.pointer("/metadata/continue").and_then(Json::as_str) {
                Some(rest) if !rest.is_empty() && !empty => page = format!("{path}&continue={}", path::encode(rest)),
                _ => break,
            }
            if items.len() > LONGEST_LIST {
                return Err(question.error(KubeErrorKind::Other, format!("there are more than {LONGEST_LIST}")));
            }
        }
        // The server leaves these two out of a list's items, and an object without them cannot be named.
        for item in items.iter_mut().filter_map(Json::as_object_mut) {
            item.entry("apiVersion").or_insert_with(|| api_version.into());
            item.entry("kind").or_insert_with(|| kind.into());
        }
        Ok(items)
    }

    async fn create(&self, access: &KubeAccess, object: &Json) -> Result<Json, KubeError> {
        let (question, name) = named("create", object)?;
        let path = path::home(&name.api_version, &name.kind, name.namespace.as_deref())
            .map_err(|message| question.error(KubeErrorKind::Invalid, message))?;
        self.object(access, &question, with_json(Method::POST, path, "application/json"), Some(object)).await
    }

    async fn update(&self, access: &KubeAccess, object: &Json) -> Result<Json, KubeError> {
        let (_, name) = named("update", object)?;
        let (question, path) = about("update", &name)?;
        self.object(access, &question, with_json(Method::PUT, path, "application/json"), Some(object)).await
    }

    async fn patch(
        &self,
        access: &KubeAccess,
        object: &ObjectRef,
        patch: &Json,
        kind: PatchKind,
    ) -> Result<Json, KubeError> {
        let (question, path) = about("patch", object)?;
        let media_type = match kind {
            PatchKind::Merge => "application/merge-patch+json",
            PatchKind::Strategic => "application/strategic-merge-patch+json",
        };
        self.object(access, &question, with_json(Method::PATCH, path, media_type), Some(patch)).await
    }

    async fn delete(&self, access: &KubeAccess, object: &ObjectRef) -> Result<bool, KubeError> {
        let (question, path) = about("delete", object)?;
        let (status, body) = self.exchange(access, &question, Request::delete(path), None).await?;
        if status == StatusCode::NOT_FOUND && answer::names_an_object(&body) {
            return Ok(false);
        }
        accept(&question, status, &body)?;
        Ok(true)
    }

    async fn ask(&self, access: &KubeAccess, path: &str) -> Result<String, KubeError> {
        let question = Question { doing: "ask", object: path.to_owned() };
        let (status, body) = self.exchange(access, &question, Request::get(path), None).await?;
        accept(&question, status, &body)?;
        String::from_utf8(body).map_err(|_| question.error(KubeErrorKind::Other, "the answer is not text"))
    }
}

fn accept(question: &Question, status: StatusCode, body: &[u8]) -> Result<(), KubeError> {
    if status.is_success() {
        return Ok(());
    }
    let (kind, message) = answer::refusal(status, body);
    Err(question.error(kind, message))
}

fn about(doing: &'static str, object: &ObjectRef) -> Result<(Question, String), KubeError> {
    let question = Question { doing, object: object.to_string() };
    match path::object(&object.api_version, &object.kind, object.namespace.as_deref(), &object.name) {
        Ok(path) => Ok((question, path)),
        Err(message) => Err(question.error(KubeErrorKind::Invalid, message)),
    }
}

fn named(doing: &'static str, object: &Json) -> Result<(Question, ObjectRef), KubeError> {
    match ObjectRef::of(object) {
        Some(name) => Ok((Question { doing, object: name.to_string() }, name)),
        None => {
            let question = Question { doing, object: "an object".into() };
            Err(question.error(KubeErrorKind::Invalid, "it lacks apiVersion, kind or metadata.name"))
        }
    }
}

fn with_json(method: Method, path: String, media_type: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header("content-type", media_type)
}

fn key_of(access: &KubeAccess) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(access.kubeconfig.as_bytes());
    // A zero byte cannot stand in YAML, so no document can pass for another document and a server.
    digest.update([0, u8::from(access.server.is_some())]);
    digest.update(access.server.as_deref().unwrap_or_default());
    digest.finalize().into()
}

#[cfg(test)]
mod tests;
