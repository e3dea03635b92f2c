//! Stores the ClusterConfiguration in the cluster, where `join` and `upgrade` find it.

use std::collections::BTreeMap;

use kubewright_manifests::uploads;

use crate::artifacts::ClusterAdmin;
use crate::cluster_status::{known_endpoints, kubeadm_config};
use crate::prelude::*;

/// The phase `upload-config/kubeadm`.
pub struct Kubeadm;

impl Phase<Node> for Kubeadm {
    const ABOUT: &'static str = "Upload the kubeadm ClusterConfiguration to a ConfigMap";
    const RANK: u16 = 800;

    type Input =
        (Read<InitConfiguration>, Read<ClusterConfiguration>, Read<VersionFacts>, Read<ClusterAdmin>, Use<Kube>);
    type Output = ();

    async fn run(&self, (init, cluster, facts, admin, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        report.note(
            "upload-config",
            "Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace",
        );
        let mut endpoints = match kube.get(&admin.0, &kubeadm_config(), report).await? {
            Some(live) => known_endpoints(&live),
            None => BTreeMap::new(),
        };
        endpoints.insert(init.node_registration.name.clone(), init.local_api_endpoint);
        let timeout = init.timeouts.control_plane_component_health_check;
        for object in uploads::kubeadm_config(&cluster, &facts, timeout, &endpoints)? {
            kube.apply(&admin.0, &object, report).await?;
        }
        Ok(())
    }
}
