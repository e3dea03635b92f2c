//! The Kubernetes API as a phase meets it. Objects cross this border as JSON values, so nothing here knows their types.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kubewright_engine::{Capability, Effect, Failure, Report};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::outward::Outward;
use crate::wait::{Attempt, wait_for, wait_unseen};
use crate::{Node, NodeSession};

/// Names one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// Such as `v1` or `rbac.authorization.k8s.io/v1`.
    pub api_version: String,
    /// Such as `ConfigMap`.
    pub kind: String,
    /// `None` for objects of the whole cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// Names an object of the whole cluster.
    pub fn cluster(api_version: &str, kind: &str, name: &str) -> Self {
        Self { api_version: api_version.into(), kind: kind.into(), namespace: None, name: name.into() }
    }

    /// Names an object in a namespace.
    pub fn namespaced(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self { namespace: Some(namespace.into()), ..Self::cluster(api_version, kind, name) }
    }

    /// Reads the name out of an object; `None` when it lacks one of apiVersion, kind and metadata.name.
    pub fn of(object: &Json) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
        Some(Self {
            api_version: text("/apiVersion")?,
            kind: text("/kind")?,
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name")?,
        })
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// How to reach the API: whose credentials, at which server, and how long one request may be tried again.
#[derive(Clone)]
pub struct KubeAccess {
    /// A kubeconfig document in YAML, with its credentials inside.
    pub kubeconfig: Zeroizing<String>,
    /// Talk to this server, such as `https://10.0.0.1:6443`, instead of the document's.
    pub server: Option<String>,
    /// How long a request that fails is tried again in all (`timeouts.kubernetesAPICall`).
    pub call_limit: Duration,
}

impl fmt::Debug for KubeAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeAccess").field("server", &self.server).finish_non_exhaustive()
    }
}

/// Why the API did not do as it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KubeErrorKind {
    /// Nobody answered, or the answer broke off; worth another try.
    Unreachable,
    /// The server knows us and says no (403).
    Forbidden,
    /// The server does not know us (401).
    Unauthorized,
    /// There is no such object or path (404).
    NotFound,
    /// The object is there already (409 AlreadyExists).
    AlreadyExists,
    /// Somebody else changed it meanwhile (409 Conflict); worth another try.
    Conflict,
    /// The object is wrong (422).
    Invalid,
    /// The server is overloaded or not ready (429, 500, 503, 504); worth another try.
    Busy,
    /// The credentials or addresses cannot be used at all.
    Access,
    /// Anything else.
    Other,
}

/// A failed request.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {object}: {message}")]
pub struct KubeError {
    /// What kind of failure it is.
    pub kind: KubeErrorKind,
    /// `get`, `create`, `update`, `patch`, `list`, `ask`.
    pub doing: &'static str,
    /// The object, collection or path.
    pub object: String,
    /// The server's or the transport's words, shortened.
    pub message: String,
}

/// How a patch is to be read by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`.
    Strategic,
}

/// One request to the API, tried once. Each has its own deadline of 10 s.
#[async_trait]
pub trait KubeBackend: Send + Sync {
    /// Gets one object; `None` when there is none.
    async fn get(&self, access: &KubeAccess, object: &ObjectRef) -> Result<Option<Json>, KubeError>;
    /// Lists the objects of a kind, whole or not at all; 20 000 at most.
    async fn list(
        &self,
        access: &KubeAccess,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        field_selector: Option<&str>,
    ) -> Result<Vec<Json>, KubeError>;
    /// Creates an object.
    async fn create(&self, access: &KubeAccess, object: &Json) -> Result<Json, KubeError>;
    /// Replaces an object.
    async fn update(&self, access: &KubeAccess, object: &Json) -> Result<Json, KubeError>;
    /// Patches an object.
    async fn patch(
        &self,
        access: &KubeAccess,
        object: &ObjectRef,
        patch: &Json,
        kind: PatchKind,
    ) -> Result<Json, KubeError>;
    /// Deletes an object; `false` when there was none.
    async fn delete(&self, access: &KubeAccess, object: &ObjectRef) -> Result<bool, KubeError>;
    /// Gets a path such as `/livez` and gives the body of a 200 answer.
    async fn ask(&self, access: &KubeAccess, path: &str) -> Result<String, KubeError>;
}

/// The power to read and change objects. Every change is tried again until the access's limit is over.
pub struct Kube {
    backend: Arc<dyn KubeBackend>,
    outward: Outward,
}

impl Capability<Node> for Kube {
    const NAME: &'static str = "kube";

    fn of(session: &NodeSession) -> Self {
        Self { backend: Arc::clone(&session.backends.kube), outward: Outward::of(session) }
    }
}

impl Kube {
    /// Gets one object; `None` when there is none.
    pub async fn get(&self, access: &KubeAccess, object: &ObjectRef, report: &Report) -> Result<Option<Json>, Failure> {
        self.retry(access, format!("the API server to give {object}"), report, || async {
            self.backend.get(access, object).await
        })
        .await
    }

    /// Gets one object without trying again; `None` when there is none.
    pub async fn get_once(&self, access: &KubeAccess, object: &ObjectRef) -> Result<Option<Json>, KubeError> {
        self.backend.get(access, object).await
    }

    /// Creates the object, or replaces the existing one with ours, as kubeadm does. One that says all that ours says is
    /// not touched, whatever else it says.
    pub async fn apply(&self, access: &KubeAccess, object: &Json, report: &Report) -> Result<Json, Failure> {
        let name = ObjectRef::of(object)
            .ok_or_else(|| Failure::new("an object without apiVersion, kind or name cannot be applied"))?;
        let what = format!("the API server to take {name}");
        if let Some(live) = self.get(access, &name, report).await?
            && holds(&live, object)
        {
            return Ok(live);
        }
        let effect = Effect::new("apply", name.to_string());
        let work = self.retry(access, what, report, || async {
            match self.backend.create(access, object).await {
                // A Service that exists is refused because of its own address, before it is known that it exists, so that a lost
                // reply looks like a mistake of ours. kubeadm: `addons/dns/dns.go`.
                Err(error) if matches!(error.kind, KubeErrorKind::AlreadyExists | KubeErrorKind::Invalid) => {
                    self.replace(access, &name, object).await
                }
                other => other,
            }
        });
        self.outward.perform(effect, work).await
    }

    /// Creates the object unless one of that name exists, which is then left alone. Says whether it was created. Not
    /// tried again: the caller decides what a refusal means.
    pub async fn create_once(&self, access: &KubeAccess, object: &Json) -> Result<bool, KubeError> {
        let name = ObjectRef::of(object).map(|name| name.to_string()).unwrap_or_default();
        let mut refused = None;
        let outcome = self
            .outward
            .perform(Effect::new("create", name.clone()), async {
                match self.backend.create(access, object).await {
                    Ok(_) => Ok(()),
                    Err(error) => {
                        let failure = Failure::new(error.to_string());
                        refused = Some(error);
                        Err(failure)
                    }
                }
            })
            .await;
        match (outcome, refused) {
            (Ok(()), _) => Ok(true),
            (Err(_), Some(error)) if error.kind == KubeErrorKind::AlreadyExists => Ok(false),
            (Err(_), Some(error)) => Err(error),
            (Err(failure), None) => Err(KubeError {
                kind: KubeErrorKind::Other,
                doing: "create",
                object: name,
                message: failure.to_string(),
            }),
        }
    }

    /// Patches an object.
    pub async fn patch(
        &self,
        access: &KubeAccess,
        object: &ObjectRef,
        patch: &Json,
        kind: PatchKind,
        report: &Report,
    ) -> Result<Json, Failure> {
        let work = self.retry(access, format!("the API server to patch {object}"), report, || async {
            self.backend.patch(access, object, patch, kind).await
        });
        self.outward.perform(Effect::new("patch", object.to_string()), work).await
    }

    /// Deletes an object, and says whether it was there. Not tried again.
    pub async fn delete(&self, access: &KubeAccess, object: &ObjectRef) -> Result<bool, Failure> {
        self.outward.perform(Effect::new("delete", object.to_string()), self.backend.delete(access, object)).await
    }

    /// Reads an object that must be there, lets `change` make a new one of it, and writes that as long as nobody wrote
    /// meanwhile; otherwise begins anew. Nothing is written when `change` gives `None`.
    pub async fn change(
        &self,
        access: &KubeAccess,
        object: &ObjectRef,
        report: &Report,
        change: impl Fn(&Json) -> Option<Json>,
    ) -> Result<(), Failure> {
        let absent = || Failure::new(format!("the cluster has no {object}"));
        let live = self.get(access, object, report).await?.ok_or_else(absent)?;
        if change(&live).is_none() {
            return Ok(());
        }
        let what = format!("the API server to take {object}");
        let patience = Patience::default();
        let work = wait_for(report, what, access.call_limit, || async {
            // What was read carries its version, so the server refuses the update when somebody else was faster.
            let live = match self.backend.get(access, object).await {
                Ok(live) => live.ok_or_else(absent)?,
                Err(error) => return patience.judge(Err(error)),
            };
            match change(&live) {
                Some(wanted) => patience.judge(self.backend.update(access, &wanted).await.map(drop)),
                None => Ok(Attempt::Done(())),
            }
        });
        self.outward.perform(Effect::new("update", object.to_string()), work).await
    }

    /// Lists the objects of a kind, whole or not at all, without trying again.
    pub async fn list(
        &self,
        access: &KubeAccess,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        field_selector: Option<&str>,
    ) -> Result<Vec<Json>, KubeError> {
        self.backend.list(access, api_version, kind, namespace, field_selector).await
    }

    /// Gets a path such as `/livez` once.
    pub async fn ask(&self, access: &KubeAccess, path: &str) -> Result<String, KubeError> {
        self.backend.ask(access, path).await
    }

    async fn replace(&self, access: &KubeAccess, name: &ObjectRef, object: &Json) -> Result<Json, KubeError> {
        let Some(live) = self.backend.get(access, name).await? else {
            return self.backend.create(access, object).await;
        };
        if holds(&live, object) {
            return Ok(live);
        }
        let mut wanted = object.clone();
        // The server refuses an update that names another version than its own, and so protects what others wrote.
        if let (Some(version), Some(metadata)) =
            (live.pointer("/metadata/resourceVersion"), wanted.pointer_mut("/metadata"))
        {
            metadata["resourceVersion"] = version.clone();
        }
        self.backend.update(access, &wanted).await
    }

    async fn retry<T, F: Future<Output = Result<T, KubeError>>>(
        &self,
        access: &KubeAccess,
        what: String,
        report: &Report,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let patience = Patience::default();
        wait_for(report, what, access.call_limit, || {
            let answer = request();
            async { patience.judge(answer.await) }
        })
        .await
    }
}

/// Gets one object as patiently as [`Kube::get`], for who loads a value and has no voice; `None` when there is none.
pub async fn get_patiently(
    backend: &dyn KubeBackend,
    access: &KubeAccess,
    object: &ObjectRef,
) -> Result<Option<Json>, Failure> {
    let patience = Patience::default();
    let what = format!("the API server to give {object}");
    wait_unseen(&what, access.call_limit, || async { patience.judge(backend.get(access, object).await) }).await
}

/// How long a server may take us for a stranger. One that has just started behind a load balancer has not read the bootstrap
/// tokens yet, and refuses them.
pub const STRANGER_LIMIT: Duration = Duration::from_secs(20);

/// An API server writes down a Service's address first, and the Service then. What it leaves when it ends in between, the next one
/// takes for lost after three looks, three minutes apart (Kubernetes: `core/service/ipallocator/controller/repair.go`).
const ADDRESS_TAKEN: &str = "see who has the address: `kubectl get services --all-namespaces`; if nobody has, an API server ended \
    while it made this Service, and gives the address back within some ten minutes: run the same command again then";

/// Decides during one wait whether another try can help. kubeadm tries every error again.
#[derive(Default)]
struct Patience {
    stranger_since: Mutex<Option<Instant>>,
}

impl Patience {
    fn judge<T>(&self, answer: Result<T, KubeError>) -> Result<Attempt<T>, Failure> {
        let error = match answer {
            Ok(value) => return Ok(Attempt::Done(value)),
            Err(error) => error,
        };
        match error.kind {
            KubeErrorKind::Invalid if error.message.contains("provided IP is already allocated") => {
                Err(Failure::from(error).hint(ADDRESS_TAKEN))
            }
            // These never heal by waiting.
            KubeErrorKind::Invalid | KubeErrorKind::Access => Err(error.into()),
            KubeErrorKind::Unauthorized if self.stranger_for() >= STRANGER_LIMIT => Err(Failure::from(error).hint(
                "the kubeconfig's credentials are not from this cluster, or have expired; on a control plane, move the \
                 file away and run `kubewright init phase kubeconfig admin`, which makes another",
            )),
            _ => Ok(Attempt::NotYet(error.to_string())),
        }
    }

    fn stranger_for(&self) -> Duration {
        let mut since = self.stranger_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(Instant::now).elapsed()
    }
}

/// Whether `live` says all that `wanted` says: every field of an object, whole lists of the same length, equal scalars.
/// A field that is wanted `null` or empty may be absent, because the server drops those.
pub fn holds(live: &Json, wanted: &Json) -> bool {
    match (live, wanted) {
        (Json::Object(live), Json::Object(wanted)) => wanted.iter().all(|(key, value)| match live.get(key) {
            Some(found) => holds(found, value),
            None => is_empty(value),
        }),
        (Json::Array(live), Json::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| holds(live, wanted))
        }
        (live, wanted) => live == wanted,
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Object(fields) => fields.values().all(is_empty),
        Json::Array(items) => items.is_empty(),
        _ => false,
    }
}
