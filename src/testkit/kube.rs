//! An API server that keeps its objects in memory and behaves as the real one does where phases can tell.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kubewright_node::{KubeAccess, KubeBackend, KubeError, KubeErrorKind, ObjectRef, PatchKind};
use serde_json::{Value as Json, json};

use crate::faults::Calls;
use crate::strategic;

/// An API server in name only. Nobody answers before it was started.
#[derive(Default)]
pub struct FakeKube {
    state: Mutex<State>,
    requests: Calls<KubeErrorKind>,
    gate: Mutex<Option<Gate>>,
    lost: Mutex<Vec<String>>,
    delay: Mutex<Duration>,
    answers: Mutex<BTreeMap<String, String>>,
}

/// Says whether the server of that URL answers; `None` is the kubeconfig's own.
type Gate = Box<dyn Fn(Option<&str>) -> bool + Send>;

#[derive(Default)]
struct State {
    up: bool,
    version: u64,
    /// By kind, namespace and name: an object is the same in all versions of its group.
    objects: BTreeMap<String, Json>,
}

impl FakeKube {
    /// Answers from now on.
    pub fn start(&self) {
        self.state().up = true;
    }

    /// Nobody answers from now on; objects stay.
    pub fn stop(&self) {
        self.state().up = false;
    }

    /// Lets some of the cluster's servers answer only when the rule says so; `None` is the kubeconfig's own.
    pub fn only_if(&self, gate: impl Fn(Option<&str>) -> bool + Send + 'static) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(gate));
    }

    /// Puts an object in, or another in its place.
    ///
    /// # Panics
    /// When it has no apiVersion, kind or name.
    pub fn put(&self, object: Json) {
        let name = ObjectRef::of(&object).expect("the object has apiVersion, kind and metadata.name");
        self.state().store(&name, object);
    }

    /// Puts an object in unless one of its name is there.
    pub fn ensure(&self, object: Json) {
        if ObjectRef::of(&object).is_none_or(|name| self.object(&name).is_none()) {
            self.put(object);
        }
    }

    /// One object as it is now.
    pub fn object(&self, name: &ObjectRef) -> Option<Json> {
        self.state().objects.get(&name.to_string()).cloned()
    }

    /// All objects, sorted by kind, namespace and name.
    pub fn objects(&self) -> Vec<Json> {
        self.state().objects.values().cloned().collect()
    }

    /// What was asked, in order, such as `create ConfigMap kube-system/kubeadm-config`; also what failed.
    pub fn requests(&self) -> Vec<String> {
        self.requests.made()
    }

    /// The requests that would change something.
    pub fn changes(&self) -> Vec<String> {
        let looks = ["get ", "list ", "ask "];
        self.requests().into_iter().filter(|request| !looks.iter().any(|look| request.starts_with(look))).collect()
    }

    /// Lets the nth request from now on that begins with these words fail, counting from 1.
    pub fn fail(&self, request: &str, nth: usize, kind: KubeErrorKind) {
        self.requests.fail(request, nth, kind);
    }

    /// Loses the reply to the next change that is asked for in these words; it is done.
    pub fn lose_reply(&self, request: &str) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(request.into());
    }

    /// Answers so whoever asks for a path such as `/version`; `ok` to all others.
    pub fn answer(&self, path: &str, answer: &str) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(path.into(), answer.into());
    }

    /// Takes so long for each request from now on.
    pub fn slow_down(&self, delay: Duration) {
        *self.delay.lock().unwrap_or_else(PoisonError::into_inner) = delay;
    }

    /// Gives the answer to a change that was made, unless it is to be lost.
    fn reply<T>(&self, doing: &'static str, object: &ObjectRef, answer: T) -> Result<T, KubeError> {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match lost.iter().position(|request| *request == format!("{doing} {object}")) {
            Some(at) => {
                lost.remove(at);
                Err(error(KubeErrorKind::Unreachable, doing, &object.to_string(), "the fake connection was cut"))
            }
            None => Ok(answer),
        }
    }

    async fn wait(&self) {
        let delay = *self.delay.lock().unwrap_or_else(PoisonError::into_inner);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the request down and opens the state, unless it is to fail.
    fn request(
        &self,
        access: &KubeAccess,
        doing: &'static str,
        object: &str,
    ) -> Result<MutexGuard<'_, State>, KubeError> {
        if let Some(kind) = self.requests.make(format!("{doing} {object}")) {
            return Err(error(kind, doing, object, "the fake API server was told to fail"));
        }
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let open = gate.as_ref().is_none_or(|gate| gate(access.server.as_deref()));
        drop(gate);
        let state = self.state();
        match state.up && open {
            true => Ok(state),
            false => Err(error(KubeErrorKind::Unreachable, doing, object, "connection refused")),
        }
    }
}

impl State {
    fn store(&mut self, name: &ObjectRef, mut object: Json) -> Json {
        self.version += 1;
        let known = self.objects.get(&name.to_string());
        let uid = known.and_then(|known| known.pointer("/metadata/uid")).cloned();
        let created = known.and_then(|known| known.pointer("/metadata/creationTimestamp")).cloned();
        object["metadata"]["uid"] =
            uid.unwrap_or_else(|| json!(format!("00000000-0000-0000-0000-{:012}", self.version)));
        object["metadata"]["creationTimestamp"] = created.unwrap_or_else(|| json!("2026-01-02T03:04:05Z"));
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(name.to_string(), object.clone());
        object
    }
}

#[async_trait]
impl KubeBackend for FakeKube {
    async fn get(&self, access: &KubeAccess, object: &ObjectRef) -> Result<Option<Json>, KubeError> {
        self.wait().await;
        Ok(self.request(access, "get", &object.to_string())?.objects.get(&object.to_string()).cloned())
    }

    async fn list(
        &self,
        access: &KubeAccess,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        field_selector: Option<&str>,
    ) -> Result<Vec<Json>, KubeError> {
        self.wait().await;
        let state = self.request(access, "list", kind)?;
        let selected = |object: &Json| {
            field_selector.is_none_or(|selector| {
                selector.split(',').all(|term| {
                    let Some((path, value)) = term.split_once('=') else { return false };
                    let pointer = format!("/{}", path.trim_end_matches('=').replace('.', "/"));
                    object.pointer(&pointer).and_then(Json::as_str) == Some(value.trim_start_matches('='))
                })
            })
        };
        let wanted = |object: &&Json| {
            ObjectRef::of(object).is_some_and(|name| {
                name.kind == kind
                    && name.api_version == api_version
                    && (namespace.is_none() || name.namespace.as_deref() == namespace)
            }) && selected(object)
        };
        Ok(state.objects.values().filter(wanted).take(500).cloned().collect())
    }

    async fn create(&self, access: &KubeAccess, object: &Json) -> Result<Json, KubeError> {
        let name = named(object, "create")?;
        self.wait().await;
        let mut state = self.request(access, "create", &name.to_string())?;
        if state.objects.contains_key(&name.to_string()) {
            // The address is looked at before it is known that the Service exists.
            if let Some(address) = object.pointer("/spec/clusterIP") {
                let message = format!("failed to allocated ip:{address} with error:provided IP is already allocated");
                return Err(error(KubeErrorKind::Invalid, "create", &name.to_string(), &message));
            }
            let message = format!("{} \"{}\" already exists", name.kind, name.name);
            return Err(error(KubeErrorKind::AlreadyExists, "create", &name.to_string(), &message));
        }
        if object.pointer("/metadata/resourceVersion").is_some() {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(error(KubeErrorKind::Invalid, "create", &name.to_string(), message));
        }
        let stored = state.store(&name, object.clone());
        self.reply("create", &name, stored)
    }

    async fn update(&self, access: &KubeAccess, object: &Json) -> Result<Json, KubeError> {
        let name = named(object, "update")?;
        self.wait().await;
        let mut state = self.request(access, "update", &name.to_string())?;
        let Some(live) = state.objects.get(&name.to_string()) else {
            let message = format!("{} \"{}\" not found", name.kind, name.name);
            return Err(error(KubeErrorKind::NotFound, "update", &name.to_string(), &message));
        };
        let version = |object: &Json| object.pointer("/metadata/resourceVersion").cloned();
        if version(object).is_some_and(|given| Some(given) != version(live)) {
            let message = "the object has been modified; please apply your changes to the latest version";
            return Err(error(KubeErrorKind::Conflict, "update", &name.to_string(), message));
        }
        let stored = state.store(&name, object.clone());
        self.reply("update", &name, stored)
    }

    async fn patch(
        &self,
        access: &KubeAccess,
        object: &ObjectRef,
        patch: &Json,
        kind: PatchKind,
    ) -> Result<Json, KubeError> {
        self.wait().await;
        let mut state = self.request(access, "patch", &object.to_string())?;
        let Some(mut patched) = state.objects.get(&object.to_string()).cloned() else {
            let message = format!("{} \"{}\" not found", object.kind, object.name);
            return Err(error(KubeErrorKind::NotFound, "patch", &object.to_string(), &message));
        };
        match kind {
            PatchKind::Merge => strategic::merge(&mut patched, patch),
            PatchKind::Strategic => strategic::strategic(&mut patched, patch),
        }
        let stored = state.store(object, patched);
        self.reply("patch", object, stored)
    }

    async fn delete(&self, access: &KubeAccess, object: &ObjectRef) -> Result<bool, KubeError> {
        Ok(self.request(access, "delete", &object.to_string())?.objects.remove(&object.to_string()).is_some())
    }

    async fn ask(&self, access: &KubeAccess, path: &str) -> Result<String, KubeError> {
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        self.request(access, "ask", path).map(|_| answer.unwrap_or_else(|| "ok".into()))
    }
}

fn named(object: &Json, doing: &'static str) -> Result<ObjectRef, KubeError> {
    let message = "it lacks apiVersion, kind or metadata.name";
    ObjectRef::of(object).ok_or_else(|| error(KubeErrorKind::Invalid, doing, "an object", message))
}

fn error(kind: KubeErrorKind, doing: &'static str, object: &str, message: &str) -> KubeError {
    KubeError { kind, doing, object: object.into(), message: message.into() }
}
