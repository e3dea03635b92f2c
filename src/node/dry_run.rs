//! Backends that answer as if everything had been done, and keep what was asked for. Files have an overlay of their own
//! in `host`; reading the machine stays real.

mod discovery;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::etcd::{EtcdAccess, EtcdBackend, EtcdError, Member, MemberId, MemberStatus};
use crate::kube::{KubeAccess, KubeBackend, KubeError, KubeErrorKind, ObjectRef, PatchKind};
use crate::probe::{HealthAnswer, HealthBackend, Question, ServerAnswer};
use crate::runtime::{ContainerInfo, RuntimeBackend, RuntimeError, RuntimeStatus};
use crate::services::{ServiceBackend, ServiceError, ServiceState};
use crate::{Backends, FileBackend};

impl Backends {
    /// Exchanges everything that could change something: files go to the overlay, the rest answers as if done.
    #[must_use]
    pub fn into_dry_run(self, overlay: Arc<dyn FileBackend>) -> (Self, Arc<DryKube>) {
        let kube = Arc::new(DryKube::default());
        let dry = Self {
            files: overlay,
            services: Arc::new(DryServices(self.services)),
            kube: Arc::clone(&kube) as Arc<dyn KubeBackend>,
            etcd: Arc::new(DryEtcd::default()),
            runtime: Arc::new(DryRuntime(self.runtime)),
            health: Arc::new(DryHealth(self.health)),
            discovery: Arc::new(discovery::DryDiscovery::new(self.discovery)),
            ..self
        };
        (dry, kube)
    }
}

/// Services that are started and stopped in name only; what is known about them is real.
struct DryServices(Arc<dyn ServiceBackend>);

#[async_trait]
impl ServiceBackend for DryServices {
    fn init_system(&self) -> Option<&'static str> {
        self.0.init_system()
    }

    async fn state(&self, service: &str) -> Result<ServiceState, ServiceError> {
        self.0.state(service).await
    }

    async fn restart(&self, _: &str) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn stop(&self, _: &str) -> Result<(), ServiceError> {
        Ok(())
    }
}

/// A runtime that pulls in name only; everything that is read is real.
struct DryRuntime(Arc<dyn RuntimeBackend>);

#[async_trait]
impl RuntimeBackend for DryRuntime {
    async fn status(&self, socket: &str) -> Result<RuntimeStatus, RuntimeError> {
        self.0.status(socket).await
    }

    async fn cgroup_driver(&self, socket: &str) -> Result<String, RuntimeError> {
        self.0.cgroup_driver(socket).await
    }

    async fn has_image(&self, socket: &str, image: &str) -> Result<bool, RuntimeError> {
        self.0.has_image(socket, image).await
    }

    async fn pull(&self, _: &str, _: &str) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn containers(&self, _: &str) -> Result<Vec<ContainerInfo>, RuntimeError> {
        Ok(Vec::new())
    }
}

/// Endpoints that are healthy at once: in a dry run nothing was started that could become so.
struct DryHealth(Arc<dyn HealthBackend>);

#[async_trait]
impl HealthBackend for DryHealth {
    async fn get(&self, _: &str) -> Result<HealthAnswer, String> {
        Ok(HealthAnswer { status: 200, body: "ok".into() })
    }

    async fn ask(&self, question: Question) -> Result<ServerAnswer, String> {
        self.0.ask(question).await
    }
}

/// An etcd that takes every member, which is up at once. Needs no cluster, as the API server of a dry run needs none, so
/// only what this run would have added is in it.
#[derive(Default)]
struct DryEtcd(Mutex<Vec<Member>>);

impl DryEtcd {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Member>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EtcdBackend for DryEtcd {
    async fn members(&self, _: &EtcdAccess) -> Result<Vec<Member>, EtcdError> {
        Ok(self.lock().clone())
    }

    async fn add_member(&self, _: &EtcdAccess, peer_url: &str, learner: bool) -> Result<Vec<Member>, EtcdError> {
        let mut members = self.lock();
        let id = MemberId(members.len() as u64 + 1);
        let urls = vec![peer_url.to_owned()];
        members.push(Member { id, name: String::new(), peer_urls: urls.clone(), client_urls: urls, learner });
        let before_its_start = members.clone();
        // The name comes with the first start, which is not waited for in a dry run.
        members.iter_mut().for_each(|member| member.name = format!("dry-run-{}", member.id));
        Ok(before_its_start)
    }

    async fn promote_member(&self, _: &EtcdAccess, id: MemberId) -> Result<(), EtcdError> {
        self.lock().iter_mut().filter(|member| member.id == id).for_each(|member| member.learner = false);
        Ok(())
    }

    async fn remove_member(&self, _: &EtcdAccess, id: MemberId) -> Result<(), EtcdError> {
        self.lock().retain(|member| member.id != id);
        Ok(())
    }

    async fn status(&self, _: &EtcdAccess, client_url: &str) -> Result<MemberStatus, EtcdError> {
        let members = self.lock();
        let asked = members.iter().find(|member| member.client_urls.iter().any(|url| url == client_url));
        let (id, learner) = asked.map_or((MemberId(1), false), |member| (member.id, member.learner));
        let version = String::new();
        Ok(MemberStatus { id, version, learner, leader: Some(id), applied: 0, complaints: Vec::new() })
    }
}

/// An API server that holds what this run would have sent, and needs no cluster.
#[derive(Default)]
pub struct DryKube {
    objects: Mutex<BTreeMap<String, Json>>,
    patches: Mutex<Vec<(ObjectRef, Json)>>,
}

impl DryKube {
    /// Everything that the run would have sent, in the order of the objects' names.
    pub fn objects(&self) -> Vec<Json> {
        self.lock().values().cloned().collect()
    }

    /// Every patch that the run would have sent, in the order of sending.
    pub fn patches(&self) -> Vec<(ObjectRef, Json)> {
        self.patches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Json>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, object: &Json, doing: &'static str) -> Result<Json, KubeError> {
        let name = ObjectRef::of(object).ok_or_else(|| KubeError {
            kind: KubeErrorKind::Invalid,
            doing,
            object: "an object".into(),
            message: "it lacks apiVersion, kind or metadata.name".into(),
        })?;
        self.lock().insert(name.to_string(), object.clone());
        Ok(object.clone())
    }
}

#[async_trait]
impl KubeBackend for DryKube {
    async fn get(&self, _: &KubeAccess, object: &ObjectRef) -> Result<Option<Json>, KubeError> {
        let known = self.lock().get(&object.to_string()).cloned();
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
        _: &KubeAccess,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        _: Option<&str>,
    ) -> Result<Vec<Json>, KubeError> {
        let wanted = |object: &&Json| {
            ObjectRef::of(object).is_some_and(|name| {
                name.api_version == api_version && name.kind == kind && name.namespace.as_deref() == namespace
            })
        };
        Ok(self.lock().values().filter(wanted).cloned().collect())
    }

    async fn create(&self, _: &KubeAccess, object: &Json) -> Result<Json, KubeError> {
        self.put(object, "create")
    }

    async fn update(&self, _: &KubeAccess, object: &Json) -> Result<Json, KubeError> {
        self.put(object, "update")
    }

    async fn patch(&self, _: &KubeAccess, object: &ObjectRef, patch: &Json, _: PatchKind) -> Result<Json, KubeError> {
        self.patches.lock().unwrap_or_else(PoisonError::into_inner).push((object.clone(), patch.clone()));
        Ok(patch.clone())
    }

    async fn delete(&self, _: &KubeAccess, object: &ObjectRef) -> Result<bool, KubeError> {
        Ok(self.lock().remove(&object.to_string()).is_some())
    }

    async fn ask(&self, _: &KubeAccess, _: &str) -> Result<String, KubeError> {
        Ok("ok".into())
    }
}
