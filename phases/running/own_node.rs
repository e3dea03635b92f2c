//! Which node of the cluster this machine is, and what the cluster knows of it.

use std::net::SocketAddr;

use kubewright_config::model::{ApiEndpoint, Taint};
use kubewright_config::yaml;
use kubewright_node::{KubeAccess, ObjectRef};
use kubewright_pki::{Certificate, Source};
use serde_json::Value as Json;

use super::StoredConfiguration;
use crate::asking::Asking;
use crate::credentials;
use crate::prelude::*;

const CRI_SOCKET: &str = "/metadata/annotations/kubeadm.alpha.kubernetes.io~1cri-socket";
/// Where an API server says that it listens, in its pod.
pub const ADVERTISED: &str = "/metadata/annotations/kubeadm.kubernetes.io~1kube-apiserver.advertise-address.endpoint";
/// What kubelets' user names begin with.
const NODE_USER: &str = "system:node:";

/// This node.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnNode {
    /// Its name in the cluster.
    pub name: String,
    /// The container runtime's socket, in the form in which it is stored.
    pub cri_socket: String,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Where its API server listens; `None` on a worker.
    pub endpoint: Option<ApiEndpoint>,
}

/// How a file of this node is read; `None` when it is absent.
pub type ReadFile<'a> = &'a (dyn Fn(&Utf8Path) -> Result<Option<Contents>, Failure> + Sync);

/// Finds it: by the kubelet's certificate, or else by the machine's name.
///
/// # Errors
/// The cluster has no such node, or no API server of a node that has a control plane.
pub async fn find(
    stored: &StoredConfiguration,
    hostname: &str,
    access: &KubeAccess,
    asking: Asking<'_>,
    read: ReadFile<'_>,
) -> Result<OwnNode, Failure> {
    let name = match certified_name(read)? {
        Some(name) => name,
        None => hostname.trim().to_lowercase(),
    };
    let node = asking.get(access, &ObjectRef::cluster("v1", "Node", &name)).await;
    let node = node.context("failed to get corresponding node").context("failed to get node registration")?;
    let cri_socket = cri_socket(&node, read)?.unwrap_or_else(|| stored.facts.kubelet.default_cri_socket.clone());
    let taints =
        node.pointer("/spec/taints").and_then(Json::as_array).into_iter().flatten().filter_map(taint).collect();
    let control_plane = read(&paths::static_pod("kube-apiserver"))?.is_some();
    let endpoint = match control_plane {
        true => Some(endpoint(stored, &name, access, asking).await?),
        false => None,
    };
    Ok(OwnNode { name, cri_socket, taints, endpoint })
}

/// The name that the kubelet calls itself by: its certificate's.
///
/// # Errors
/// Its kubeconfig is not there, or has no certificate of a node.
pub fn node_name(read: ReadFile<'_>) -> Result<String, Failure> {
    named(read)?.context("cannot find the name of this node")
}

/// The same; `None` where there is no certificate of a node that can be read.
///
/// # Errors
/// A file cannot be read.
pub fn certified_name(read: ReadFile<'_>) -> Result<Option<String>, Failure> {
    Ok(named(read)?.ok())
}

/// The outer failure is that a file cannot be read, the inner one that what was read names no node.
fn named(read: ReadFile<'_>) -> Result<Result<String, Failure>, Failure> {
    let path = Utf8Path::new(paths::KUBELET_CONF);
    let absent = |path: &Utf8Path| Failure::new(format!("`{path}` is not there"));
    let Some(contents) = read(path)? else {
        return Ok(Err(absent(path).hint("run it on a node of the cluster, as root")));
    };
    let kubeconfig = match credentials::parse(path, &contents) {
        Ok(kubeconfig) => kubeconfig,
        Err(failure) => return Ok(Err(failure)),
    };
    let certificate = match kubeconfig.client_certificate() {
        Ok(Some(Source::Inline(pem))) => Certificate::from_pem(&pem),
        Ok(Some(Source::File(name))) => {
            let file = path.parent().unwrap_or(path).join(name);
            let Some(contents) = read(&file)? else { return Ok(Err(absent(&file))) };
            Certificate::from_pem(contents.as_bytes())
        }
        Ok(None) => return Ok(Err(Failure::new(format!("`{path}` has no client certificate")))),
        Err(error) => return Ok(Err(error.into())),
    };
    let certificate = match certificate {
        Ok(certificate) => certificate,
        Err(error) => return Ok(Err(error.into())),
    };
    let name = certificate.common_name().and_then(|name| name.strip_prefix(NODE_USER)).map(str::to_owned);
    Ok(name.ok_or_else(|| Failure::new(format!("the certificate of `{path}` is not a node's"))))
}

/// The container runtime's socket, as the node's object says, or else the kubelet's own files.
///
/// # Errors
/// A file cannot be read.
pub fn cri_socket(node: &Json, read: ReadFile<'_>) -> Result<Option<String>, Failure> {
    match node.pointer(CRI_SOCKET).and_then(Json::as_str) {
        Some(socket) => Ok(Some(socket.to_owned())),
        None => told_to_the_kubelet(read),
    }
}

/// The socket in the kubelet's own files: `instance-config.yaml`, or the flags that older versions have.
fn told_to_the_kubelet(read: ReadFile<'_>) -> Result<Option<String>, Failure> {
    if let Some(contents) = read(&paths::kubelet("instance-config.yaml"))? {
        let document = yaml::document(contents.as_bytes()).context("could not read kubelet instance configuration")?;
        let socket = document.value().get("containerRuntimeEndpoint").and_then(Json::as_str);
        if let Some(socket) = socket.filter(|socket| !socket.is_empty()) {
            return Ok(Some(socket.to_owned()));
        }
    }
    let Some(contents) = read(&paths::kubelet("kubeadm-flags.env"))? else { return Ok(None) };
    let text = String::from_utf8_lossy(contents.as_bytes()).into_owned();
    let words = text.split(|c: char| c.is_whitespace() || c == '"');
    Ok(words.filter_map(|word| word.strip_prefix("--container-runtime-endpoint=")).next_back().map(str::to_owned))
}

fn taint(value: &Json) -> Option<Taint> {
    let text = |key| value.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    value.get("key").is_some().then(|| Taint { key: text("key"), value: text("value"), effect: text("effect") })
}

/// Where the node's API server listens, as its pod tells; clusters of 1.20 and 1.21 list it too.
async fn endpoint(
    stored: &StoredConfiguration,
    node: &str,
    access: &KubeAccess,
    asking: Asking<'_>,
) -> Result<ApiEndpoint, Failure> {
    let doing = || format!("could not retrieve API endpoints for node {node:?} using pod annotations");
    let name = ObjectRef::namespaced("v1", "Pod", "kube-system", &format!("kube-apiserver-{node}"));
    let pod = asking.find(access, &name).await.context(doing())?;
    let told = pod.as_ref().and_then(|pod| pod.pointer(ADVERTISED)).and_then(Json::as_str);
    let parsed = told.and_then(|text| text.parse::<SocketAddr>().ok());
    if let Some(address) = parsed {
        return Ok(ApiEndpoint { advertise_address: address.ip(), bind_port: address.port() });
    }
    if let Some(listed) = stored.listed_endpoints.get(node) {
        return Ok(*listed);
    }
    let why = match (&pod, told) {
        (None, _) => format!("the cluster has no {name}"),
        (Some(_), None) => format!("{name} does not tell where it listens"),
        (Some(_), Some(told)) => format!("{name} says that it listens at `{told}`, which is no address with a port"),
    };
    Err(Failure::new(why).context(doing()).hint("wait until the kubelet has told the cluster of its static pods"))
}
