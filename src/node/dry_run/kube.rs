//! The API server of a dry run: what would have been sent, over what is there to be read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::behind::{Answers, Behind};
use crate::kube::{KubeAccess, KubeBackend, KubeError, KubeErrorKind, ObjectRef, PatchKind};

/// What a dry run would have sent to the API server.
#[derive(Default)]
pub struct Sent {
    /// `None` for an object that would have been deleted.
    objects: Mutex<BTreeMap<String, Option<Json>>>,
    patches: Mutex<Vec<(ObjectRef, Json)>>,
    /// What others would have made of it since, and the API server's version then.
    shown: Mutex<(BTreeMap<String, Json>, Option<String>)>,
}

impl Sent {
    /// Every object that the run would have created or replaced, in the order of the objects' names.
    pub fn objects(&self) -> Vec<Json> {
        self.lock().values().flatten().cloned().collect()
    }

    /// Every patch that the run would have sent, in the order of sending.
    pub fn patches(&self) -> Vec<(ObjectRef, Json)> {
        self.patches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Holds an object from now on.
    pub fn put(&self, name: &ObjectRef, object: Json) {
        self.lock().insert(name.to_string(), Some(object));
    }

    /// Holds a patch from now on.
    pub fn patch(&self, name: &ObjectRef, patch: Json) {
        self.patches.lock().unwrap_or_else(PoisonError::into_inner).push((name.clone(), patch));
    }

    /// Lets an object appear that others would make, such as the kubelet. It can be read, and is not told as a change.
    pub fn appear(&self, name: &ObjectRef, object: Json) {
        self.shown().0.insert(name.to_string(), object);
    }

    /// The version of the API server from now on.
    pub fn serve(&self, version: impl Into<String>) {
        self.shown().1 = Some(version.into());
    }

    fn shown(&self) -> MutexGuard<'_, (BTreeMap<String, Json>, Option<String>)> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known without asking anybody; nothing in it for what would have been deleted.
    fn known(&self, name: &str) -> Option<Option<Json>> {
        let sent = self.lock().get(name).cloned();
        sent.or_else(|| self.shown().0.get(name).cloned().map(Some))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<Json>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An API server that takes everything in name only. What was not sent is read from the real one, if the cluster exists
/// and answers.
pub(super) struct DryKube {
    real: Arc<dyn KubeBackend>,
    behind: Arc<Behind>,
    sent: Arc<Sent>,
}

impl DryKube {
    pub(super) fn new(real: Arc<dyn KubeBackend>, behind: Arc<Behind>, sent: Arc<Sent>) -> Self {
        Self { real, behind, sent }
    }

    /// What is there, as far as anybody knows; not what only a started kubelet would have made.
    async fn known(&self, access: &KubeAccess, object: &ObjectRef) -> Result<Option<Json>, KubeError> {
        match (self.sent.known(&object.to_string()), self.behind.answers()) {
            (Some(sent), _) => Ok(sent),
            (None, Answers::Nobody) => Ok(None),
            (None, Answers::Cluster) => self.real.get(&elsewhere(access), object).await,
            (None, Answers::Imagination) => Ok(self.behind.imagined(object)),
        }
    }

    fn put(&self, object: &Json, doing: &'static str) -> Result<Json, KubeError> {
        self.sent.put(&named(object, doing)?, object.clone());
        Ok(object.clone())
    }
}

/// The same access to the cluster's own address: the API server of this node is not started in a dry run.
fn elsewhere(access: &KubeAccess) -> KubeAccess {
    KubeAccess { server: None, ..access.clone() }
}

fn named(object: &Json, doing: &'static str) -> Result<ObjectRef, KubeError> {
    ObjectRef::of(object).ok_or_else(|| KubeError {
        kind: KubeErrorKind::Invalid,
        doing,
        object: "an object".into(),
        message: "it lacks apiVersion, kind or metadata.name".into(),
    })
}

#[async_trait]
impl KubeBackend for DryKube {
    async fn get(&self, access: &KubeAccess, object: &ObjectRef) -> Result<Option<Json>, KubeError> {
        let mut known = self.known(access, object).await?;
        // Whoever makes a Job waits for its end, and in a dry run nobody runs it.
        if let Some(job) =
            known.as_mut().filter(|_| object.kind == "Job" && self.sent.known(&object.to_string()).is_some())
        {
            job["status"] = json!({"conditions": [{"type": "Complete", "status": "True"}]});
        }
        // The kubelet registers the node; in a dry run nobody does, so it is as if it had, with the one label that
        // kubeadm waits for.
        Ok(known.or_else(|| {
            (object.kind == "Node").then(|| {
                json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": object.name,
                       "labels": {"kubernetes.io/hostname": object.name}}, "spec": {}})
            })
        }))
    }

    async fn list(
        &self,
        access: &KubeAccess,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        field_selector: Option<&str>,
    ) -> Result<Vec<Json>, KubeError> {
        let wanted = |object: &Json| {
            ObjectRef::of(object).is_some_and(|name| {
                name.api_version == api_version && name.kind == kind && name.namespace.as_deref() == namespace
            })
        };
        let known = match self.behind.answers() {
            Answers::Nobody => Vec::new(),
            Answers::Cluster => {
                self.real.list(&elsewhere(access), api_version, kind, namespace, field_selector).await?
            }
            Answers::Imagination => {
                self.behind.all_imagined().iter().filter(|object| wanted(object)).cloned().collect()
            }
        };
        let (sent, shown) = (self.sent.lock(), self.sent.shown());
        let untouched = known.into_iter().filter(|object| {
            ObjectRef::of(object)
                .map(|name| name.to_string())
                .is_none_or(|name| !sent.contains_key(&name) && !shown.0.contains_key(&name))
        });
        let shown = shown.0.iter().filter(|(name, _)| !sent.contains_key(*name)).map(|(_, object)| object);
        let ours = sent.values().flatten().chain(shown).filter(|object| wanted(object));
        Ok(untouched.chain(ours.cloned()).collect())
    }

    async fn create(&self, access: &KubeAccess, object: &Json) -> Result<Json, KubeError> {
        let name = named(object, "create")?;
        // Whoever creates in a real cluster meets what is there.
        if self.behind.answers() == Answers::Cluster && self.known(access, &name).await?.is_some() {
            return Err(KubeError {
                kind: KubeErrorKind::AlreadyExists,
                doing: "create",
                object: name.to_string(),
                message: "it exists already".into(),
            });
        }
        self.put(object, "create")
    }

    async fn update(&self, _: &KubeAccess, object: &Json) -> Result<Json, KubeError> {
        self.put(object, "update")
    }

    async fn patch(&self, _: &KubeAccess, object: &ObjectRef, patch: &Json, _: PatchKind) -> Result<Json, KubeError> {
        self.sent.patch(object, patch.clone());
        Ok(patch.clone())
    }

    async fn delete(&self, access: &KubeAccess, object: &ObjectRef) -> Result<bool, KubeError> {
        let known = self.known(access, object).await?.is_some();
        self.sent.lock().insert(object.to_string(), None);
        Ok(known)
    }

    async fn ask(&self, access: &KubeAccess, path: &str) -> Result<String, KubeError> {
        if path == "/version" {
            if let Some(version) = &self.sent.shown().1 {
                return Ok(json!({"gitVersion": version}).to_string());
            }
            // What a cluster is does not hang on what this run would start; whether something is well does.
            if self.behind.answers() == Answers::Cluster {
                return self.real.ask(&elsewhere(access), path).await;
            }
        }
        Ok("ok".into())
    }
}
