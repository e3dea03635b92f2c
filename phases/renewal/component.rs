//! The components that use the certificates, as their static pods on this node say: where they tell how they are, and
//! where they show which certificate.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::yaml;
use kubewright_engine::{Failure, FailureContext};
use kubewright_pki::CertificateKind;
use serde_json::Value as Json;

use super::Managed;
use crate::paths;

/// What uses certificates on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// etcd.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// The kubelet, a service of the machine.
    Kubelet,
}

impl Component {
    /// Those that are static pods.
    pub const STATIC_PODS: [Self; 4] = [Self::Etcd, Self::ApiServer, Self::ControllerManager, Self::Scheduler];

    /// The name of its container, or of its service.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
        }
    }

    /// The certificates that it uses.
    pub fn certificates(self) -> Vec<Managed> {
        Managed::ALL.into_iter().filter(|managed| managed.component() == Some(self)).collect()
    }

    /// How long it takes until it has read a changed certificate that it serves with, if it does so by itself; shown in
    /// docs/certificates.md. etcd reads its files for each connection, kube-apiserver looks every minute; its client
    /// certificates follow within 5 minutes. Kubeconfigs are read once.
    pub fn reads_again(self) -> Option<Duration> {
        match self {
            Self::Etcd => Some(Duration::from_secs(5)),
            Self::ApiServer => Some(Duration::from_secs(90)),
            Self::ControllerManager | Self::Scheduler | Self::Kubelet => None,
        }
    }
}

/// A static pod as its manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// Where it says that it is well.
    pub health: Option<String>,
    /// The certificates that it shows.
    pub serving: Vec<Serving>,
}

/// A certificate that a server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// Where, such as `127.0.0.1:2379`.
    pub address: String,
    /// The file that it is read from.
    pub file: Utf8PathBuf,
    /// The certificate, where it is one of ours.
    pub managed: Managed,
}

/// Reads the manifest of a component.
///
/// # Errors
/// It is no pod.
pub fn running(component: Component, manifest: &[u8]) -> Result<Running, Failure> {
    let path = paths::static_pod(component.name());
    let document = yaml::document(manifest).context(format!("cannot read the static pod `{path}`"))?;
    let container = document.value().pointer("/spec/containers/0").cloned().unwrap_or_default();
    let argument = |name: &str| -> Option<String> {
        let words = ["command", "args"].iter().filter_map(|field| container.get(*field)?.as_array()).flatten();
        let prefix = format!("--{name}=");
        words.filter_map(Json::as_str).filter_map(|word| word.strip_prefix(&prefix)).next_back().map(str::to_owned)
    };
    // What takes requests is more than what lives.
    let probes = ["readinessProbe", "livenessProbe"].map(|probe| container.get(probe).and_then(|it| it.get("httpGet")));
    let probe = probes.into_iter().flatten().next();
    let health = probe.and_then(|probe| url(probe, &container));
    let own = probe.and_then(|probe| address(probe, &container));
    let serving = match component {
        Component::Etcd => [
            ("listen-client-urls", "cert-file", CertificateKind::EtcdServer),
            ("listen-peer-urls", "peer-cert-file", CertificateKind::EtcdPeer),
        ]
        .into_iter()
        .filter_map(|(urls, file, kind)| {
            let urls = argument(urls)?;
            let address = urls.split(',').find_map(|url| url.trim().strip_prefix("https://"))?.to_owned();
            Some(Serving { address, file: argument(file)?.into(), managed: Managed::Pki(kind) })
        })
        .collect(),
        Component::ApiServer => {
            let of_arguments = || Some(format!("{}:{}", argument("advertise-address")?, argument("secure-port")?));
            let address = own.or_else(of_arguments);
            let file = argument("tls-cert-file");
            let managed = Managed::Pki(CertificateKind::Apiserver);
            address
                .zip(file)
                .map(|(address, file)| Serving { address, file: file.into(), managed })
                .into_iter()
                .collect()
        }
        // They make certificates of their own when they start.
        _ => Vec::new(),
    };
    Ok(Running { health, serving })
}

fn url(probe: &Json, container: &Json) -> Option<String> {
    let scheme = probe.get("scheme").and_then(Json::as_str).unwrap_or("HTTP").to_lowercase();
    let path = probe.get("path").and_then(Json::as_str).unwrap_or("/");
    Some(format!("{scheme}://{}{path}", address(probe, container)?))
}

fn address(probe: &Json, container: &Json) -> Option<String> {
    let host = probe.get("host").and_then(Json::as_str).filter(|host| !host.is_empty()).unwrap_or("127.0.0.1");
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let port = match probe.get("port")? {
        Json::Number(port) => port.as_u64()?,
        Json::String(name) => {
            let ports = container.get("ports")?.as_array()?;
            let named = ports.iter().find(|port| port.get("name").and_then(Json::as_str) == Some(name));
            match named {
                Some(port) => port.get("containerPort")?.as_u64()?,
                None => name.parse().ok()?,
            }
        }
        _ => return None,
    };
    Some(format!("{host}:{port}"))
}

/// The container runtime that the kubelet uses, as its own files say.
pub fn cri_socket(
    default: &str,
    read: impl Fn(&Utf8Path) -> Result<Option<crate::prelude::Contents>, Failure>,
) -> Result<String, Failure> {
    if let Some(flags) = read(&paths::kubelet("kubeadm-flags.env"))? {
        let text = String::from_utf8_lossy(flags.as_bytes()).into_owned();
        let mut words = text.split(['"', ' ', '\n', '=']).skip_while(|word| *word != "--container-runtime-endpoint");
        if let Some(socket) = words.nth(1).filter(|socket| !socket.is_empty()) {
            return Ok(socket.to_owned());
        }
    }
    for name in ["instance-config.yaml", "config.yaml"] {
        let Some(contents) = read(&paths::kubelet(name))? else { continue };
        let Ok(document) = yaml::document(contents.as_bytes()) else { continue };
        let socket = document.value().get("containerRuntimeEndpoint").and_then(Json::as_str).map(str::to_owned);
        if let Some(socket) = socket.filter(|socket| !socket.is_empty()) {
            return Ok(socket);
        }
    }
    Ok(default.to_owned())
}

#[cfg(test)]
mod tests;
