//! The addons of an upgraded cluster. They come with the last control plane: before, nodes with the old version may still
//! need the old ones. kubeadm: `cmd/phases/upgrade/addons.go`.

use std::collections::BTreeSet;

use kubewright_manifests::corefile::{self, Decision};
use kubewright_manifests::patches::Target;
use kubewright_node::ObjectRef;
use serde_json::{Value as Json, json};

use super::{UpgradeOptions, UpgradedCluster};
use crate::patching::patch_object;
use crate::prelude::*;
use crate::running::{dns, image_tag};

/// Whether the addons wait for other control planes, which is told.
///
/// # Errors
/// The pods cannot be listed.
pub async fn wait_for_others(found: &UpgradedCluster, kube: &Kube, report: &Report) -> Result<bool, Failure> {
    let pods = kube.list(&found.admin.0, "v1", "Pod", Some("kube-system"), None).await;
    let pods = pods.context("cannot list the control planes of the cluster")?;
    let label = |pod: &Json, name: &str| pod.pointer("/metadata/labels").and_then(|all| all.get(name)).cloned();
    let servers = pods.iter().filter(|pod| label(pod, "component").is_some_and(|name| name == "kube-apiserver"));
    let text = |pod: &Json, at: &str| pod.pointer(at).and_then(Json::as_str).unwrap_or_default().to_owned();
    let images: Vec<(String, String)> =
        servers.map(|pod| (text(pod, "/spec/nodeName"), text(pod, "/spec/containers/0/image"))).collect();
    let own = images.iter().find(|(node, _)| *node == found.before.node).map(|(_, image)| image.clone());
    let own = own.ok_or_else(|| Failure::new("the cluster does not show the API server of this node"))?;
    let behind: BTreeSet<_> = images.iter().filter(|(_, image)| *image != own).map(|(node, _)| node.as_str()).collect();
    if behind.is_empty() {
        return Ok(false);
    }
    let behind = behind.into_iter().collect::<Vec<_>>().join(" ");
    report.note(
        "upgrade/addon",
        format!("Skipping upgrade of addons because control plane instances [{behind}] have not been upgraded"),
    );
    Ok(true)
}

/// Installs the new CoreDNS. A Corefile of the user's own stays, but for what the new release does not take any more; of
/// that one a copy is kept beside it. What cannot be brought to the new release keeps the old one, as kubeadm does.
///
/// # Errors
/// The API server refuses it, or a patch does not fit.
pub async fn coredns(found: &UpgradedCluster, kube: &Kube, probe: &Probe, report: &Report) -> Result<(), Failure> {
    let UpgradedCluster { init, cluster, facts, admin, .. } = found;
    let deployment = ObjectRef::namespaced("apps/v1", "Deployment", "kube-system", "coredns");
    let live = kube.get(&admin.0, &deployment, report).await?;
    let replicas = live.as_ref().and_then(|live| live.pointer("/spec/replicas")).and_then(Json::as_u64);
    let image = live.as_ref().and_then(|live| live.pointer("/spec/template/spec/containers/0/image"));
    let installed = image_tag(image.and_then(Json::as_str).unwrap_or_default());
    let config = kube.get(&admin.0, &dns::config_map(), report).await?;
    let corefile = config.as_ref().and_then(dns::corefile).unwrap_or_default();
    let decision = match corefile::decide(corefile, installed, &facts.images.coredns) {
        Ok(decision) => decision,
        Err(error) => {
            report.warn(format!(
                "the CoreDNS Configuration will not be migrated: {error}. The existing CoreDNS Corefile configuration and \
                 deployment has been retained"
            ));
            return Ok(());
        }
    };
    let mut objects = kubewright_manifests::coredns(cluster, facts, replicas)?;
    for object in objects.iter_mut().filter(|object| object["kind"] == "Deployment") {
        *object = patch_object(Target::CorednsDeployment, object.take(), init, facts, probe, report)?;
    }
    for mut object in objects {
        if object.pointer("/data/Corefile").is_some() {
            match &decision {
                Decision::Replace => {}
                Decision::Migrate(migrated) => {
                    report.note("upgrade/addon", "Migrating CoreDNS Corefile");
                    object["data"] = json!({"Corefile": migrated, BACKUP: corefile});
                }
                // Some defaults are not known as such, and nothing was changed in them.
                Decision::Retain if object.pointer("/data/Corefile").and_then(Json::as_str) == Some(corefile) => {}
                Decision::Retain => {
                    report.note("upgrade/addon", "The Corefile was changed by its user and is kept");
                    continue;
                }
            }
        }
        kube.apply(&admin.0, &object, report).await?;
    }
    report.note("addons", "Applied essential addon: CoreDNS");
    Ok(())
}

/// Where kubeadm keeps the Corefile that it migrates.
const BACKUP: &str = "Corefile-backup";

/// Installs the new kube-proxy.
///
/// # Errors
/// The API server refuses it, or a patch does not fit.
pub async fn kube_proxy(
    found: &UpgradedCluster,
    options: &UpgradeOptions,
    kube: &Kube,
    probe: &Probe,
    report: &Report,
) -> Result<(), Failure> {
    let UpgradedCluster { init, cluster, facts, admin, .. } = found;
    let Some(document) = &found.kube_proxy else {
        report.note("upgrade/addon", "Skipping upgrade of kube-proxy because the cluster has no ConfigMap kube-proxy");
        return Ok(());
    };
    let (endpoint, proxies) = (&init.local_api_endpoint, &options.proxy_environment);
    let mut objects = kubewright_manifests::kube_proxy(cluster, document, endpoint, facts, proxies)?;
    for object in objects.iter_mut().filter(|object| object["kind"] == "DaemonSet") {
        *object = patch_object(Target::KubeProxyDaemonSet, object.take(), init, facts, probe, report)?;
    }
    for object in objects {
        kube.apply(&admin.0, &object, report).await?;
    }
    report.note("addons", "Applied essential addon: kube-proxy");
    Ok(())
}

/// Whether an addon is switched off in the configuration, which is told.
pub fn disabled(off: bool, name: &str, report: &Report) -> bool {
    if off {
        report
            .note("upgrade/addon", format!("Skipping the addon/{name} phase: it is disabled in ClusterConfiguration"));
    }
    off
}
