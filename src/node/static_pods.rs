//! The static pods of this node, as the container runtime has them or the API server shows them: which manifest the kubelet
//! runs, and whether its pod is up.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use kubewright_engine::Capability;
use serde_json::Value as Json;

use crate::kube::{KubeAccess, KubeBackend, KubeError, ObjectRef};
use crate::{ContainerInfo, FileBackend, Node, NodeSession, RuntimeBackend};

/// One static pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticPodState {
    /// The kubelet's name for the manifest that it runs (`kubernetes.io/config.hash`).
    pub hash: String,
    /// Why it is not up yet; `None` when its containers run. Whether they are well is asked of themselves: kubelets of old
    /// versions tell the API server up to a minute and a half later.
    pub unready: Option<String>,
    /// Its newest container, where the runtime was asked.
    pub container: Option<ContainerInfo>,
}

/// Whose static pods are looked at.
#[derive(Debug, Clone, Copy)]
pub struct NodePods<'a> {
    /// The name of the node.
    pub node: &'a str,
    /// The socket of its container runtime.
    pub socket: &'a str,
    /// Who may ask the API server.
    pub access: &'a KubeAccess,
}

/// Where static pods are looked at.
#[async_trait]
pub trait StaticPodBackend: Send + Sync {
    /// The pod of a component on a node; `None` when the kubelet has not made it. Asked once.
    async fn state(&self, of: &NodePods<'_>, component: &str) -> Result<Option<StaticPodState>, KubeError>;

    /// How long a replaced pod must be well without a break until it counts. While the old process ends, it may answer in
    /// the place of a new one that cannot listen yet.
    fn steady(&self) -> Duration {
        Duration::from_secs(2)
    }
}

/// The power to look at static pods; it changes nothing.
pub struct StaticPods {
    backend: Arc<dyn StaticPodBackend>,
}

impl Capability<Node> for StaticPods {
    const NAME: &'static str = "static-pods";

    fn of(session: &NodeSession) -> Self {
        Self { backend: Arc::clone(&session.backends.static_pods) }
    }
}

impl StaticPods {
    /// The pod of a component on a node; `None` when the kubelet has not made it. Asked once.
    pub async fn state(&self, of: &NodePods<'_>, component: &str) -> Result<Option<StaticPodState>, KubeError> {
        self.backend.state(of, component).await
    }

    /// How long a replaced pod must be well without a break until it counts.
    pub fn steady(&self) -> Duration {
        self.backend.steady()
    }
}

/// The mirror pods of an API server.
pub struct MirrorPods(Arc<dyn KubeBackend>);

impl MirrorPods {
    /// Those that it shows.
    pub fn of(kube: Arc<dyn KubeBackend>) -> Arc<Self> {
        Arc::new(Self(kube))
    }
}

#[async_trait]
impl StaticPodBackend for MirrorPods {
    async fn state(&self, of: &NodePods<'_>, component: &str) -> Result<Option<StaticPodState>, KubeError> {
        let name = ObjectRef::namespaced("v1", "Pod", "kube-system", &pod_name(component, of.node));
        Ok(self.0.get(of.access, &name).await?.as_ref().and_then(state_of))
    }
}

/// The kubelet's name for the static pod of a component.
fn pod_name(component: &str, node: &str) -> String {
    format!("{component}-{node}")
}

/// The pods of the container runtime. It answers also when the component is what the API server lacks, and at once: kubelets of
/// old versions show a pod to the API server up to a minute and a half later. Who cannot ask it asks for the mirror pods.
pub struct RunningPods {
    runtime: Arc<dyn RuntimeBackend>,
    mirrors: Arc<MirrorPods>,
}

impl RunningPods {
    /// Those of a node.
    pub fn of(runtime: Arc<dyn RuntimeBackend>, kube: Arc<dyn KubeBackend>) -> Arc<Self> {
        Arc::new(Self { runtime, mirrors: MirrorPods::of(kube) })
    }
}

#[async_trait]
impl StaticPodBackend for RunningPods {
    async fn state(&self, of: &NodePods<'_>, component: &str) -> Result<Option<StaticPodState>, KubeError> {
        match self.runtime.containers(of.socket).await {
            Ok(containers) => Ok(running_state(&containers, component, of.node)),
            Err(_) => self.mirrors.state(of, component).await,
        }
    }
}

/// What the newest container of a component tells.
fn running_state(containers: &[ContainerInfo], component: &str, node: &str) -> Option<StaticPodState> {
    let pod = pod_name(component, node);
    let own = |container: &&ContainerInfo| container.name == component && container.pod == pod;
    let container = containers.iter().rfind(own)?;
    let unready = (container.state != "running").then(|| format!("its container is {}", container.state));
    Some(StaticPodState { hash: container.pod_uid.clone(), unready, container: Some(container.clone()) })
}

/// Reads a mirror pod; `None` when it is none.
fn state_of(pod: &Json) -> Option<StaticPodState> {
    let hash = pod.pointer("/metadata/annotations")?.get("kubernetes.io/config.hash")?.as_str()?.to_owned();
    Some(StaticPodState { hash, unready: unready(pod), container: None })
}

fn unready(pod: &Json) -> Option<String> {
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return Some("it is being replaced".into());
    }
    let phase = pod.pointer("/status/phase").and_then(Json::as_str).unwrap_or("Unknown");
    if phase != "Running" {
        return Some(format!("its pod is {phase}"));
    }
    let containers = pod.pointer("/status/containerStatuses").and_then(Json::as_array);
    let containers = containers.map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        return Some("its pod has no containers yet".into());
    }
    let waiting = containers.iter().find(|container| container.pointer("/state/running").is_none())?;
    let reason = waiting.pointer("/state/waiting/reason").and_then(Json::as_str);
    Some(match reason {
        Some(reason) => format!("its container waits: {reason}"),
        None => "its container does not run".into(),
    })
}

/// The static pods of a dry run: the real ones, until the run writes a manifest, whose pod is up at once.
pub(crate) struct DryStaticPods {
    real: Arc<dyn StaticPodBackend>,
    files: Arc<dyn FileBackend>,
    first: Mutex<BTreeMap<String, Option<Vec<u8>>>>,
}

impl DryStaticPods {
    pub(crate) fn new(real: Arc<dyn StaticPodBackend>, files: Arc<dyn FileBackend>) -> Self {
        Self { real, files, first: Mutex::default() }
    }

    /// A name for the manifest that stands there, if it is another than when it was first looked at.
    fn changed(&self, component: &str) -> Option<String> {
        let path = Utf8PathBuf::from(format!("/etc/kubernetes/manifests/{component}.yaml"));
        let now = self.files.read(&path).ok().flatten().map(|contents| contents.as_bytes().to_vec());
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if *first.entry(component.to_owned()).or_insert_with(|| now.clone()) == now {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        now.hash(&mut hasher);
        Some(format!("dry-run-{:x}", hasher.finish()))
    }
}

#[async_trait]
impl StaticPodBackend for DryStaticPods {
    async fn state(&self, of: &NodePods<'_>, component: &str) -> Result<Option<StaticPodState>, KubeError> {
        match self.changed(component) {
            Some(hash) => Ok(Some(StaticPodState { hash, unready: None, container: None })),
            None => self.real.state(of, component).await,
        }
    }

    /// There is no old process that could answer in the new one's place.
    fn steady(&self) -> Duration {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &Json) -> Json {
        json!({"metadata": {"annotations": {"kubernetes.io/config.hash": "abc"}}, "status": status})
    }

    #[test]
    fn a_pod_is_up_when_its_containers_run() {
        let ready =
            pod(&json!({"phase": "Running", "containerStatuses": [{"ready": false, "state": {"running": {}}}]}));
        assert_eq!(state_of(&ready), Some(StaticPodState { hash: "abc".into(), unready: None, container: None }));
    }

    #[test]
    fn why_it_is_not_up_is_told() {
        let why = |status: Json| state_of(&pod(&status)).and_then(|state| state.unready);
        assert_eq!(why(json!({"phase": "Pending"})), Some("its pod is Pending".into()));
        assert_eq!(why(json!({"phase": "Running"})), Some("its pod has no containers yet".into()));
        let crashing = json!({"ready": false, "state": {"waiting": {"reason": "CrashLoopBackOff"}}});
        let status = json!({"phase": "Running", "containerStatuses": [crashing]});
        assert_eq!(why(status), Some("its container waits: CrashLoopBackOff".into()));
        let mut leaving = pod(&json!({"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}));
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-02T03:04:05Z");
        assert_eq!(state_of(&leaving).and_then(|state| state.unready), Some("it is being replaced".into()));
    }

    #[test]
    fn the_newest_container_of_its_own_pod_tells_which_manifest_runs() {
        let container = |pod: &str, uid: &str, state: &str| ContainerInfo {
            id: uid.into(),
            name: "etcd".into(),
            pod: pod.into(),
            pod_uid: uid.into(),
            state: state.into(),
            exit_code: None,
            attempt: 0,
            started: None,
            log_path: None,
        };
        let mut containers = vec![container("etcd-node1", "old", "running"), container("etcd-backup", "x", "running")];
        let state = |containers: &[ContainerInfo]| running_state(containers, "etcd", "node1");
        let of = |hash: &str, unready: Option<&str>, container: &ContainerInfo| StaticPodState {
            hash: hash.into(),
            unready: unready.map(str::to_owned),
            container: Some(container.clone()),
        };
        assert_eq!(state(&containers), Some(of("old", None, &containers[0])));
        containers.push(container("etcd-node1", "new", "exited"));
        assert_eq!(state(&containers), Some(of("new", Some("its container is exited"), &containers[2])));
        assert_eq!(running_state(&containers, "etcd", "node2"), None);
    }

    #[test]
    fn what_has_no_hash_is_no_mirror() {
        assert_eq!(state_of(&json!({"metadata": {}})), None);
    }
}
