//! The plan as an object, `UpgradePlan` of kubeadm's output API. The text is made from it too, as in kubeadm.

use kubewright_config::chain::Step;
use kubewright_config::component::{KUBE_PROXY_API, KUBELET_API, StoredComponent};
use kubewright_config::{KubernetesVersion, default_version, facts_for};
use kubewright_phases::running::{ByVersion, RunningVersions, StoredConfiguration};
use serde::Serialize;

use super::offers::Target;

/// The fields of the object, in kubeadm's order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownPlan {
    /// One for each version that is offered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub available_upgrades: Vec<ShownUpgrade>,
    /// The components' documents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config_versions: Vec<ConfigVersion>,
    /// Ours: the way to the newest version, where that is several minors ahead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub upgrade_path: Vec<PathStep>,
}

/// A version that is offered.
#[derive(Debug, Serialize)]
pub struct ShownUpgrade {
    /// What kind it is.
    pub description: String,
    /// What it would change.
    pub components: Vec<ShownComponent>,
}

/// What becomes of one component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownComponent {
    /// Its name.
    pub name: String,
    /// The version that it has.
    pub current_version: String,
    /// The version that it would have.
    pub new_version: String,
    /// The node that it is on; empty for what belongs to the cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node_name: String,
}

/// The version of a component's document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigVersion {
    /// The API group.
    pub group: &'static str,
    /// What the cluster stores; empty where it stores none that is read.
    pub current_version: String,
    /// What is read.
    pub preferred_version: &'static str,
    /// Whether the user has to convert it.
    pub manual_upgrade_required: bool,
}

/// One version of several on the way.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathStep {
    /// The version.
    pub version: String,
    /// The tag of etcd that comes with it.
    pub etcd: String,
    /// The tag of CoreDNS.
    pub core_dns: String,
    /// The oldest minor of kubelets before it.
    pub oldest_kubelet: String,
}

impl ShownPlan {
    /// The plan of what was found.
    pub fn new(
        targets: &[Target],
        running: &RunningVersions,
        cluster: &KubernetesVersion,
        stored: &StoredConfiguration,
        way: &[Step],
    ) -> Self {
        let upgrade = |target: &Target| ShownUpgrade {
            description: target.offer.description.clone(),
            components: components(target, running, cluster),
        };
        Self {
            available_upgrades: targets.iter().map(upgrade).collect(),
            config_versions: config_versions(stored),
            upgrade_path: way.iter().filter_map(path_step).collect(),
        }
    }
}

fn components(target: &Target, running: &RunningVersions, cluster: &KubernetesVersion) -> Vec<ShownComponent> {
    let version = target.offer.version.to_string();
    let mut components = Vec::new();
    // Where all kubelets have the version there is nothing to do by hand.
    if let Some(kubelets) = &running.kubelets
        && (kubelets.len() > 1 || !kubelets.contains_key(&version))
    {
        components.extend(on_nodes("kubelet", kubelets, &version));
    }
    components.extend(on_nodes("kube-apiserver", &running.api_servers, &version));
    components.extend(on_nodes("kube-controller-manager", &running.controller_managers, &version));
    components.extend(on_nodes("kube-scheduler", &running.schedulers, &version));
    components.push(component("kube-proxy", &cluster.semver().to_string(), &version, ""));
    if !running.dns.is_empty() || !target.dns.is_empty() {
        components.push(component("CoreDNS", &running.dns, &target.dns, ""));
    }
    components.push(component("kubeadm", &default_version().to_string(), &target.kubeadm, ""));
    if let Some(etcd) = &target.etcd {
        components.extend(on_nodes("etcd", &running.etcd, etcd));
    }
    components
}

fn on_nodes<'a>(name: &'a str, versions: &'a ByVersion, new: &'a str) -> impl Iterator<Item = ShownComponent> + 'a {
    let each = move |(current, nodes): (&'a String, &'a Vec<String>)| {
        nodes.iter().map(move |node| component(name, current, new, node))
    };
    versions.iter().flat_map(each)
}

fn component(name: &str, current: &str, new: &str, node: &str) -> ShownComponent {
    ShownComponent {
        name: name.to_owned(),
        current_version: current.to_owned(),
        new_version: new.to_owned(),
        node_name: node.to_owned(),
    }
}

/// kube-proxy's first, as kubeadm has registered them.
fn config_versions(stored: &StoredConfiguration) -> Vec<ConfigVersion> {
    let row = |known: &'static str, found: Option<&StoredComponent>| {
        let (group, preferred_version) = known.split_once('/').unwrap_or((known, ""));
        let read = found.is_some_and(|found| found.api_version().as_deref() == Some(known));
        ConfigVersion {
            group,
            current_version: if read { preferred_version.to_owned() } else { String::new() },
            preferred_version,
            manual_upgrade_required: !read && found.is_some_and(|found| !found.generated),
        }
    };
    vec![row(KUBE_PROXY_API, stored.kube_proxy.as_ref()), row(KUBELET_API, Some(&stored.kubelet))]
}

fn path_step(step: &Step) -> Option<PathStep> {
    let facts = facts_for(&step.target).ok()?;
    Some(PathStep {
        version: step.target.to_string(),
        etcd: facts.images.etcd.clone(),
        core_dns: facts.images.coredns.clone(),
        oldest_kubelet: format!("v1.{}", step.oldest_kubelet),
    })
}
