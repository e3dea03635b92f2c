//! Waiting for this node's Node object, which the kubelet makes.

use kubewright_config::InitConfiguration;
use kubewright_engine::{Failure, FailureContext, Report};
use kubewright_node::{Attempt, Kube, KubeErrorKind, ObjectRef, PatchKind, wait_for};
use serde_json::{Value as Json, json};

use crate::artifacts::ClusterAdmin;

/// The Node object's name.
pub fn node_ref(init: &InitConfiguration) -> ObjectRef {
    ObjectRef::cluster("v1", "Node", &init.node_registration.name)
}

/// Waits until the kubelet has registered the node, as long as the kubelet may take to be healthy: kubeadm gives up
/// here when the kubelet is slow, and only its `reset` helps then.
pub async fn registered_node(
    kube: &Kube,
    admin: &ClusterAdmin,
    init: &InitConfiguration,
    report: &Report,
) -> Result<Json, Failure> {
    let node = node_ref(init);
    let limit = init.timeouts.kubelet_health_check;
    wait_for(report, format!("the kubelet to register {node}"), limit, || async {
        match kube.get_once(&admin.0, &node).await {
            Ok(Some(found)) if found.pointer("/metadata/labels/kubernetes.io~1hostname").is_some() => {
                Ok(Attempt::Done(found))
            }
            Ok(Some(_)) => Ok(Attempt::NotYet(format!("{node} has no label kubernetes.io/hostname yet"))),
            Ok(None) => Ok(Attempt::NotYet(format!("{node} is not there yet"))),
            Err(error) if error.kind == KubeErrorKind::Access => Err(error.into()),
            Err(error) => Ok(Attempt::NotYet(error.to_string())),
        }
    })
    .await
    .hint("look at the kubelet's log: `journalctl -xeu kubelet`; then run the same command again, it goes on from here")
}

const CRI_SOCKET_ANNOTATION: &str = "kubeadm.alpha.kubernetes.io/cri-socket";

/// Notes the container runtime's socket on the Node, where `reset` and `upgrade` of versions before 1.34 look for it.
/// Whoever asks may be the node itself.
///
/// # Errors
/// The kubelet does not register the node in time, or the API server refuses the change.
pub async fn annotate_socket(
    kube: &Kube,
    asking: &ClusterAdmin,
    init: &InitConfiguration,
    report: &Report,
) -> Result<(), Failure> {
    let socket = &init.node_registration.cri_socket;
    let node = registered_node(kube, asking, init, report).await?;
    let known = node.pointer("/metadata/annotations").and_then(|known| known.get(CRI_SOCKET_ANNOTATION));
    if known.and_then(|known| known.as_str()) != Some(socket) {
        let patch = json!({"metadata": {"annotations": {CRI_SOCKET_ANNOTATION: socket}}});
        kube.patch(&asking.0, &node_ref(init), &patch, PatchKind::Merge, report).await?;
    }
    Ok(())
}
