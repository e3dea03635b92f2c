//! Stores the KubeletConfiguration in the cluster, where joining nodes find it.

use kubewright_config::KubeletDoc;
use kubewright_manifests::uploads;
use kubewright_node::PatchKind;
use serde_json::json;

use crate::artifacts::ClusterAdmin;
use crate::prelude::*;
use crate::registration::{node_ref, registered_node};

const CRI_SOCKET_ANNOTATION: &str = "kubeadm.alpha.kubernetes.io/cri-socket";

/// The phase `upload-config/kubelet`.
pub struct Kubelet;

impl Phase<Node> for Kubelet {
    const ABOUT: &'static str = "Upload the kubelet component config to a ConfigMap";
    const RANK: u16 = 801;

    type Input = (Read<InitConfiguration>, Read<KubeletDoc>, Read<VersionFacts>, Read<ClusterAdmin>, Use<Kube>);
    type Output = ();

    async fn run(&self, (init, document, facts, admin, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        let name = &facts.kubelet.config_map;
        report.note(
            "kubelet",
            format!("Creating a ConfigMap \"{name}\" in namespace kube-system with the configuration for the kubelets in the cluster"),
        );
        for object in uploads::kubelet_config(&document, &facts)? {
            kube.apply(&admin.0, &object, report).await?;
        }
        if facts.node.cri_socket_annotation {
            let socket = &init.node_registration.cri_socket;
            let node = registered_node(&kube, &admin, &init, report).await?;
            let known = node.pointer("/metadata/annotations").and_then(|known| known.get(CRI_SOCKET_ANNOTATION));
            if known.and_then(|known| known.as_str()) != Some(socket) {
                let patch = json!({"metadata": {"annotations": {CRI_SOCKET_ANNOTATION: socket}}});
                kube.patch(&admin.0, &node_ref(&init), &patch, PatchKind::Merge, report).await?;
            }
        }
        Ok(())
    }
}
