//! What the cluster and this node say before an upgrade, as texts that can be kept, and what follows from them for the
//! version that is wanted. kubeadm: `app/util/config/cluster.go`.

use std::net::SocketAddr;

use kubewright_config::model::ApiEndpoint;
use kubewright_config::model::{NodeRegistration, Taint};
use kubewright_config::{
    KubeProxyDoc, KubeletDoc, KubernetesVersion, UpgradeConfiguration, facts_for, stored_cluster, yaml,
};
use kubewright_node::{KubeAccess, NodePods, ObjectRef};
use kubewright_pki::{Certificate, PrivateKey, Source};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::{Kept, Stage, UpgradeOptions};
use crate::artifacts::ClusterAdmin;
use crate::asking::{Asking, entry};
use crate::cluster_status::kubeadm_config;
use crate::credentials;
use crate::prelude::*;

/// What the cluster and this node say. No secrets are in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Before {
    /// The key `ClusterConfiguration` of `kubeadm-config`.
    pub cluster_configuration: String,
    /// The kubelets' document.
    pub kubelet: String,
    /// kube-proxy's document; `None` where the cluster has none or the node may not read it.
    pub kube_proxy: Option<String>,
    /// Whether the kubelets' document was the user's own.
    pub kubelet_user_supplied: bool,
    /// Whether kube-proxy's document was the user's own.
    pub kube_proxy_user_supplied: bool,
    /// The name of this node.
    pub node: String,
    /// The socket of its container runtime.
    pub cri_socket: String,
    /// Where its API server listens; `None` on workers.
    pub endpoint: Option<SocketAddr>,
}

/// The cluster that is upgraded, in the version that it is upgraded to.
#[derive(Debug, Clone)]
pub struct UpgradedCluster {
    /// This node's settings in the form that `init` has, which most shared modules take.
    pub init: InitConfiguration,
    /// The configuration with the new version.
    pub cluster: ClusterConfiguration,
    /// What depends on the new version.
    pub facts: VersionFacts,
    /// What depends on the version before.
    pub old: VersionFacts,
    /// The kubelets' document.
    pub kubelet: KubeletDoc,
    /// kube-proxy's document.
    pub kube_proxy: Option<KubeProxyDoc>,
    /// Whose credentials the API is asked with.
    pub admin: ClusterAdmin,
    /// What was told.
    pub before: Before,
}

impl Value for UpgradedCluster {
    const NAME: &'static str = "upgraded-cluster";
}

impl Artifact<Node> for UpgradedCluster {
    async fn load(view: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
        let (Some(settings), Some(options)) = (seeds.get::<UpgradeConfiguration>(), seeds.get::<UpgradeOptions>())
        else {
            return Ok(None);
        };
        let read = |path: &Utf8Path| view.read(path);
        // In the middle of an upgrade the API server may not answer; what it said is kept.
        let before = match unfinished(Kept::look(view)?, options) {
            Some(kept) => kept.before,
            None => {
                let access = access(&read, options, settings)?;
                find(Asking::Silent(view.kube()), &access, &read, options).await?
            }
        };
        Self::of(before, &read, options, settings).map(Some)
    }
}

/// The upgrade that is under way, if it goes where this one is to go.
pub fn unfinished(kept: Option<Kept>, options: &UpgradeOptions) -> Option<Kept> {
    let same = |kept: &Kept| options.target.as_ref().is_none_or(|target| target.to_string() == kept.to);
    kept.filter(|kept| kept.stage == Stage::Upgrading && same(kept))
}

/// Reads a file, however that is done where it is called.
pub type ReadFile<'a> = &'a (dyn Fn(&Utf8Path) -> Result<Option<Contents>, Failure> + Sync);

/// The credentials that the command line names, or those of this node.
///
/// # Errors
/// They are not there, or are none.
pub fn access(
    read: ReadFile<'_>,
    options: &UpgradeOptions,
    settings: &UpgradeConfiguration,
) -> Result<KubeAccess, Failure> {
    let path = &options.kubeconfig;
    let contents = read(path)?.ok_or_else(|| {
        Failure::new(format!("couldn't create a Kubernetes client from file \"{path}\": it is not there"))
            .hint("name another with --kubeconfig, or run it on a node of the cluster as root")
    })?;
    let mut document = credentials::parse(path, &contents)?;
    if let Some(Source::File(name)) = document.client_certificate()? {
        let file = path.parent().unwrap_or(path).join(name);
        let doing = || format!("cannot use `{file}`, which `{path}` names");
        let both = read(&file)?.ok_or_else(|| Failure::new("it is not there").context(doing()))?;
        // The kubelet keeps both in one file; others keep the key beside it.
        let key = match document.client_key()? {
            Some(Source::File(name)) => read(&path.parent().unwrap_or(path).join(name))?,
            _ => None,
        };
        let certificate = Certificate::from_pem(both.as_bytes()).context(doing())?;
        let key = PrivateKey::from_pem(key.as_ref().unwrap_or(&both).as_bytes()).context(doing())?;
        document.set_client_cert(&certificate, &key)?;
    }
    let own = (path == paths::ADMIN_CONF || path == paths::SUPER_ADMIN_CONF) && options.control_plane;
    let server = if own { local_endpoint(read)?.map(|endpoint| format!("https://{endpoint}")) } else { None };
    let kubeconfig = Zeroizing::new(credentials::render(&document)?);
    Ok(KubeAccess { kubeconfig, server, call_limit: settings.timeouts.kubernetes_api_call })
}

/// Reads what the cluster and this node say.
///
/// # Errors
/// Something that must be there is not, or cannot be read in time.
pub async fn find(
    asking: Asking<'_>,
    access: &KubeAccess,
    read: ReadFile<'_>,
    options: &UpgradeOptions,
) -> Result<Before, Failure> {
    let name = kubeadm_config();
    let stored = asking.get(access, &name).await.context("unable to fetch the kubeadm-config ConfigMap").hint(
        "if it was lost, write it anew from the file of `init`: `init phase upload-config kubeadm --config FILE`",
    )?;
    let cluster_configuration = entry(&stored, "ClusterConfiguration", &name)?.to_owned();
    let (_, old) = stored_cluster(cluster_configuration.as_bytes()).context(format!("cannot use {name}"))?;

    let name = ObjectRef::namespaced("v1", "ConfigMap", "kube-system", &old.kubelet.config_map);
    let stored = asking.get(access, &name).await.context("cannot read the kubelet's configuration")?;
    let kubelet = entry(&stored, "kubelet", &name)?.to_owned();
    let kubelet_user_supplied = user_supplied(&stored);

    let name = ObjectRef::namespaced("v1", "ConfigMap", "kube-system", "kube-proxy");
    let (mut kube_proxy, mut kube_proxy_user_supplied) = (None, true);
    // A node may not read it in every version, and not every cluster has one.
    match asking.find(access, &name).await {
        Ok(Some(stored)) => {
            kube_proxy = Some(entry(&stored, "config.conf", &name)?.to_owned());
            kube_proxy_user_supplied = user_supplied(&stored);
        }
        Ok(None) => {}
        Err(failure) if options.control_plane => return Err(failure.context("cannot read kube-proxy's configuration")),
        Err(_) => {}
    }

    let node = node_name(read)?;
    let object = ObjectRef::cluster("v1", "Node", &node);
    let live = asking.get(access, &object).await.context("cannot read this node's object")?;
    let annotation = live.pointer("/metadata/annotations").and_then(|all| all.get(CRI_SOCKET)).and_then(Json::as_str);
    let socket = match annotation {
        Some(socket) => Some(with_scheme(socket)),
        None => instance_socket(read)?,
    };
    let cri_socket = socket.unwrap_or_else(|| DEFAULT_SOCKET.to_owned());
    let endpoint = if options.control_plane { local_endpoint(read)? } else { None };
    if options.control_plane && endpoint.is_none() {
        return Err(Failure::new("the manifest of kube-apiserver does not say where it listens")
            .hint("it should have the annotation kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"));
    }
    Ok(Before {
        cluster_configuration,
        kubelet,
        kube_proxy,
        kubelet_user_supplied,
        kube_proxy_user_supplied,
        node,
        cri_socket,
        endpoint,
    })
}

impl UpgradedCluster {
    /// Whose static pods are looked at.
    pub fn pods(&self) -> NodePods<'_> {
        NodePods { node: &self.before.node, socket: &self.before.cri_socket, access: &self.admin.0 }
    }

    /// What follows from what was told.
    ///
    /// # Errors
    /// A document cannot be read, or the version is not known.
    pub fn of(
        before: Before,
        read: ReadFile<'_>,
        options: &UpgradeOptions,
        settings: &UpgradeConfiguration,
    ) -> Result<Self, Failure> {
        let stored = before.cluster_configuration.as_bytes();
        let (mut cluster, old) =
            stored_cluster(stored).context("cannot use the ConfigMap kube-system/kubeadm-config")?;
        let target = options.target.clone().unwrap_or_else(|| cluster.kubernetes_version.clone());
        let facts = facts_for(&target)?;
        set_version(&mut cluster, &target, &old, &facts);
        let mut kubelet = KubeletDoc::stored(&before.kubelet, options.resolved_active)
            .context(format!("cannot use the ConfigMap kube-system/{}", old.kubelet.config_map))?;
        kubelet.user_supplied = before.kubelet_user_supplied;
        let proxy = before.kube_proxy.as_deref().map(|text| -> Result<KubeProxyDoc, Failure> {
            let document =
                yaml::document(text.as_bytes()).context("cannot use the ConfigMap kube-system/kube-proxy")?;
            let user_supplied = before.kube_proxy_user_supplied;
            Ok(KubeProxyDoc { document: document.value().clone(), user_supplied })
        });
        let init = as_init(&before, options, settings);
        let admin = ClusterAdmin(access(read, options, settings)?);
        Ok(Self { init, cluster, facts, old, kubelet, kube_proxy: proxy.transpose()?, admin, before })
    }
}

/// Gives the configuration its new version, and what was not the user's but the old version's own.
fn set_version(cluster: &mut ClusterConfiguration, target: &KubernetesVersion, old: &VersionFacts, new: &VersionFacts) {
    cluster.kubernetes_version = target.clone();
    // The registry that was the default is frozen. kubeadm 1.25 and some before changed it; who passed over those kept it.
    if cluster.image_repository == old.images.repository {
        cluster.image_repository.clone_from(&new.images.repository);
    }
}

fn as_init(before: &Before, options: &UpgradeOptions, settings: &UpgradeConfiguration) -> InitConfiguration {
    let of_node = if options.whole_cluster() { &settings.apply.node } else { &settings.node };
    let none = SocketAddr::from(([0, 0, 0, 0], 6443));
    let endpoint = before.endpoint.unwrap_or(none);
    InitConfiguration {
        bootstrap_tokens: Vec::new(),
        dry_run: of_node.dry_run,
        node_registration: NodeRegistration {
            name: before.node.clone(),
            cri_socket: before.cri_socket.clone(),
            taints: Vec::<Taint>::new(),
            kubelet_extra_args: Vec::new(),
            ignore_preflight_errors: of_node.ignore_preflight_errors.clone(),
            image_pull_policy: of_node.image_pull_policy,
            image_pull_serial: of_node.image_pull_serial,
            hostname_override: None,
        },
        local_api_endpoint: ApiEndpoint { advertise_address: endpoint.ip(), bind_port: endpoint.port() },
        certificate_key: None,
        skip_phases: Vec::new(),
        patches_directory: of_node.patches_directory.clone(),
        timeouts: settings.timeouts.clone(),
    }
}

/// Whether a component's document is the user's: kubeadm notes a digest of those that it made, and who edits one makes it
/// their own.
fn user_supplied(config_map: &Json) -> bool {
    let noted = config_map.pointer("/metadata/annotations").and_then(|all| all.get(HASH)).and_then(Json::as_str);
    let data = config_map.get("data").and_then(Json::as_object);
    let values = data.into_iter().flatten().filter_map(|(_, value)| value.as_str()).map(str::as_bytes);
    noted != Some(kubewright_config::component::config_hash(values).as_str())
}

/// The name that the kubelet calls itself by: its certificate's.
///
/// # Errors
/// Its kubeconfig is not there, or has no certificate of a node.
pub fn node_name(read: ReadFile<'_>) -> Result<String, Failure> {
    let path = Utf8Path::new(paths::KUBELET_CONF);
    let doing = "cannot find the name of this node";
    let contents = read(path)?.ok_or_else(|| {
        Failure::new(format!("`{path}` is not there")).context(doing).hint("run it on a node of the cluster, as root")
    })?;
    let document = credentials::parse(path, &contents)?;
    let certificate = match document.client_certificate()? {
        Some(Source::File(name)) => {
            let file = path.parent().unwrap_or(path).join(name);
            read(&file)?.ok_or_else(|| Failure::new(format!("`{file}` is not there")).context(doing))?
        }
        Some(Source::Inline(pem)) => Contents::secret(pem.as_slice()),
        None => return Err(Failure::new(format!("`{path}` has no client certificate")).context(doing)),
    };
    let certificate = Certificate::from_pem(certificate.as_bytes()).context(doing)?;
    let name = certificate.common_name().and_then(|name| name.strip_prefix("system:node:")).map(str::to_owned);
    name.ok_or_else(|| Failure::new(format!("the certificate of `{path}` is not a node's")).context(doing))
}

/// Where this node's API server listens, as its manifest says.
fn local_endpoint(read: ReadFile<'_>) -> Result<Option<SocketAddr>, Failure> {
    let path = paths::static_pod("kube-apiserver");
    let Some(contents) = read(&path)? else { return Ok(None) };
    let document = yaml::document(contents.as_bytes()).context(format!("cannot read `{path}`"))?;
    let annotations = document.value().pointer("/metadata/annotations");
    let annotation = annotations.and_then(|all| all.get(ADVERTISED)).and_then(Json::as_str);
    Ok(annotation.and_then(|text| text.parse().ok()))
}

fn instance_socket(read: ReadFile<'_>) -> Result<Option<String>, Failure> {
    let path = paths::kubelet("instance-config.yaml");
    let Some(contents) = read(&path)? else { return Ok(None) };
    let document = yaml::document(contents.as_bytes()).context(format!("cannot read `{path}`"))?;
    Ok(document.value().get("containerRuntimeEndpoint").and_then(Json::as_str).map(with_scheme))
}

fn with_scheme(socket: &str) -> String {
    if socket.contains("://") { socket.to_owned() } else { format!("unix://{socket}") }
}

const HASH: &str = "kubeadm.kubernetes.io/component-config.hash";
const CRI_SOCKET: &str = "kubeadm.alpha.kubernetes.io/cri-socket";
const ADVERTISED: &str = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint";
const DEFAULT_SOCKET: &str = "unix:///var/run/containerd/containerd.sock";

#[cfg(test)]
#[path = "before/tests.rs"]
mod tests;
