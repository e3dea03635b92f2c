//! Which versions run in a cluster: of the API server that answers, of each node's control plane and kubelet, of etcd and
//! of CoreDNS.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join4;
use kubewright_config::KubernetesVersion;
use kubewright_config::skew::Standing;
use kubewright_node::{KubeAccess, KubeError};
use serde_json::Value as Json;

use crate::asking::Asking;
use crate::prelude::*;

/// Nodes by the version that they have; of several, in the order of their names.
pub type ByVersion = BTreeMap<String, Vec<String>>;

/// The versions in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningVersions {
    /// What the API server that answered says of itself.
    pub server: KubernetesVersion,
    /// The same in its own words.
    pub server_text: String,
    /// kubelets; `None` if the nodes cannot be listed.
    pub kubelets: Option<ByVersion>,
    /// kube-apiserver, by the tag of its image.
    pub api_servers: ByVersion,
    /// kube-controller-manager.
    pub controller_managers: ByVersion,
    /// kube-scheduler.
    pub schedulers: ByVersion,
    /// etcd; empty where it is external.
    pub etcd: ByVersion,
    /// The tag of CoreDNS' image; empty where there is no DNS.
    pub dns: String,
}

/// Asks for all of them at once.
///
/// # Errors
/// The API server does not tell its version, pods or Deployments cannot be listed, or there are several DNS addons.
pub async fn read(access: &KubeAccess, asking: Asking<'_>) -> Result<RunningVersions, Failure> {
    let system = Some("kube-system");
    let (version, nodes, pods, deployments) = join4(
        asking.ask(access, "/version"),
        asking.list(access, "v1", "Node", None),
        asking.list(access, "v1", "Pod", system),
        asking.list(access, "apps/v1", "Deployment", system),
    )
    .await;
    let (server_text, server) = server_version(version)?;
    let pods = pods.context("couldn't list pods in cluster")?;
    let of = |component| by_version(pods.iter().filter(|pod| is_static_pod(pod, component)).filter_map(pod_version));
    let deployments = deployments.context("couldn't retrieve DNS addon deployments")?;
    Ok(RunningVersions {
        server,
        server_text,
        kubelets: nodes.ok().map(|nodes| by_version(nodes.iter().filter_map(kubelet_version))),
        api_servers: of("kube-apiserver"),
        controller_managers: of("kube-controller-manager"),
        schedulers: of("kube-scheduler"),
        etcd: of("etcd"),
        dns: dns_version(&deployments)?,
    })
}

impl RunningVersions {
    /// What the policy wants to know.
    pub fn standing(&self) -> Standing {
        let of_nodes = self.api_servers.iter().flat_map(|(text, nodes)| nodes.iter().map(move |node| (node, text)));
        let parsed = of_nodes.filter_map(|(node, text)| Some((node.clone(), text.parse().ok()?)));
        Standing {
            cluster: self.server.clone(),
            api_servers: parsed.collect(),
            kubelets: self.kubelets.as_ref().map(|kubelets| kubelets.keys().cloned().collect::<BTreeSet<_>>()),
        }
    }
}

fn server_version(answer: Result<String, KubeError>) -> Result<(String, KubernetesVersion), Failure> {
    let answer = answer.context("Couldn't fetch cluster version from the API Server")?;
    let parsed: Option<Json> = serde_json::from_str(&answer).ok();
    let text = parsed.as_ref().and_then(|answer| answer.get("gitVersion")).and_then(Json::as_str).unwrap_or_default();
    let version = text.parse().context("Couldn't parse cluster version")?;
    Ok((text.to_owned(), version))
}

fn by_version(found: impl Iterator<Item = (String, String)>) -> ByVersion {
    let mut by_version = ByVersion::new();
    for (version, node) in found {
        by_version.entry(version).or_default().push(node);
    }
    by_version
}

fn text(value: &Json, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Json::as_str).map(str::to_owned)
}

fn kubelet_version(node: &Json) -> Option<(String, String)> {
    Some((text(node, "/status/nodeInfo/kubeletVersion")?, text(node, "/metadata/name")?))
}

fn is_static_pod(pod: &Json, component: &str) -> bool {
    let label = |name| pod.pointer("/metadata/labels").and_then(|labels| labels.get(name)).and_then(Json::as_str);
    label("component") == Some(component) && label("tier") == Some("control-plane")
}

fn pod_version(pod: &Json) -> Option<(String, String)> {
    let image = text(pod, "/spec/containers/0/image")?;
    // A tag cannot hold the plus sign of build metadata.
    Some((image_tag(&image).replacen('_', "+", 1), text(pod, "/spec/nodeName").unwrap_or_default()))
}

/// The tag of an image; empty where it has none.
pub fn image_tag(image: &str) -> &str {
    let named = image.split_once('@').map_or(image, |(named, _)| named);
    let last = named.rsplit('/').next().unwrap_or(named);
    last.split_once(':').map_or("", |(_, tag)| tag)
}

fn dns_version(deployments: &[Json]) -> Result<String, Failure> {
    let of_dns = |it: &&Json| it.pointer("/metadata/labels/k8s-app").and_then(Json::as_str) == Some("kube-dns");
    let mut found = deployments.iter().filter(of_dns);
    let (first, second) = (found.next(), found.next());
    match (first, second) {
        (None, _) => Ok(String::new()),
        (Some(one), None) => {
            let image = text(one, "/spec/template/spec/containers/0/image").unwrap_or_default();
            Ok(image_tag(&image).to_owned())
        }
        (Some(one), Some(other)) => {
            let name = |it: &Json| text(it, "/metadata/name").unwrap_or_default();
            Err(Failure::new(format!("multiple DNS addon deployments found: {}, {}", name(one), name(other)))
                .hint("delete the one that is not used"))
        }
    }
}
