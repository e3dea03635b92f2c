//! What the cluster and this node say before an upgrade, as texts that can be kept, and what follows from them for the
//! version that is wanted. kubeadm: `app/util/config/cluster.go`.

use std::net::SocketAddr;

use kubewright_config::model::{ApiEndpoint, NodeRegistration};
use kubewright_config::{KubeProxyDoc, KubeletDoc, UpgradeConfiguration, stored_cluster, yaml};
use kubewright_node::{KubeAccess, NodePods, ObjectRef};
use kubewright_pki::{Certificate, PrivateKey, Source};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::{Kept, Stage, UpgradeOptions};
use crate::artifacts::ClusterAdmin;
use crate::asking::Asking;
use crate::credentials;
use crate::prelude::*;
use crate::running::{OwnNode, ReadFile, Reader, brought_to, cri_socket, node_name, read_configuration};

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
    let reader = if options.control_plane { Reader::Writer } else { Reader::Looker };
    let stored = read_configuration(access, asking, reader).await?;
    let node = node_name(read)?;
    let object = ObjectRef::cluster("v1", "Node", &node);
    let live = asking.get(access, &object).await.context("cannot read this node's object")?;
    let cri_socket = cri_socket(&live, read)?.map_or_else(|| DEFAULT_SOCKET.to_owned(), |socket| with_scheme(&socket));
    let endpoint = if options.control_plane { local_endpoint(read)? } else { None };
    if options.control_plane && endpoint.is_none() {
        return Err(Failure::new("the manifest of kube-apiserver does not say where it listens")
            .hint("it should have the annotation kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"));
    }
    Ok(Before {
        cluster_configuration: stored.text,
        kubelet_user_supplied: !stored.kubelet.generated,
        kubelet: stored.kubelet.text,
        kube_proxy_user_supplied: stored.kube_proxy.as_ref().is_none_or(|proxy| !proxy.generated),
        kube_proxy: stored.kube_proxy.map(|proxy| proxy.text),
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
        let (cluster, old) = stored_cluster(stored).context("cannot use the ConfigMap kube-system/kubeadm-config")?;
        let target = options.target.clone().unwrap_or_else(|| cluster.kubernetes_version.clone());
        let (cluster, facts) = brought_to(cluster, &old, &target)?;
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

fn as_init(before: &Before, options: &UpgradeOptions, settings: &UpgradeConfiguration) -> InitConfiguration {
    let of_node = if options.whole_cluster() { &settings.apply.node } else { &settings.node };
    let endpoint = |at: SocketAddr| ApiEndpoint { advertise_address: at.ip(), bind_port: at.port() };
    let own = OwnNode {
        name: before.node.clone(),
        cri_socket: before.cri_socket.clone(),
        taints: Vec::new(),
        endpoint: before.endpoint.map(endpoint),
    };
    let init = own.as_init(&settings.timeouts, of_node.patches_directory.clone());
    InitConfiguration {
        dry_run: of_node.dry_run,
        node_registration: NodeRegistration {
            ignore_preflight_errors: of_node.ignore_preflight_errors.clone(),
            image_pull_policy: of_node.image_pull_policy,
            image_pull_serial: of_node.image_pull_serial,
            ..init.node_registration
        },
        ..init
    }
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

fn with_scheme(socket: &str) -> String {
    if socket.contains("://") { socket.to_owned() } else { format!("unix://{socket}") }
}

const ADVERTISED: &str = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint";
const DEFAULT_SOCKET: &str = "unix:///var/run/containerd/containerd.sock";

#[cfg(test)]
#[path = "before/tests.rs"]
mod tests;
