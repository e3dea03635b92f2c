//! Stores the KubeletConfiguration in the cluster, where joining nodes find it.

use kubewright_config::KubeletDoc;
use kubewright_manifests::uploads;

use crate::artifacts::ClusterAdmin;
use crate::prelude::*;
use crate::registration::annotate_socket;

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
            annotate_socket(&kube, &admin, &init, report).await?;
        }
        Ok(())
    }
}
