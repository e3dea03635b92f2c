//! What the manifest of this node's etcd says: where its data is, where it and the others are reached, and with whose
//! credentials. Whoever wrote it, kubeadm or we.

use camino::Utf8PathBuf;
use kubewright_config::yaml;
use kubewright_engine::{Failure, FailureKind};
use kubewright_manifests::EtcdMember;
use kubewright_node::{Contents, Files};
use serde_json::Value as Json;

use crate::paths;

/// Where etcd's data is unless the configuration says otherwise.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/etcd";

/// This node's etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdPod {
    /// Its name among the members; empty if the manifest has none.
    pub name: String,
    /// The image that it runs from; empty if the manifest has none.
    pub image: String,
    /// Its data directory on the machine, absolute.
    pub data_dir: Utf8PathBuf,
    /// Where its log is, if not in the data directory; as the container sees it.
    pub wal_dir: Option<String>,
    /// Where other members reach it.
    pub peer_url: String,
    /// Where clients reach it.
    pub client_url: String,
    /// The members at its start, by their peer URLs, itself among them.
    pub initial: Vec<String>,
    /// The authority of etcd's certificates.
    pub authority: Utf8PathBuf,
    /// Its certificate.
    pub certificate: Utf8PathBuf,
    /// The certificate's key.
    pub key: Utf8PathBuf,
}

impl EtcdPod {
    /// Reads the manifest.
    ///
    /// # Errors
    /// It is no pod, or lacks what every etcd of kubeadm's has.
    pub fn read(manifest: &Contents) -> Result<Self, String> {
        let document = yaml::document(manifest.as_bytes()).map_err(|error| error.to_string())?;
        let pod = document.value();
        let argument =
            |name: &str| argument(pod, name).ok_or_else(|| format!("it has no argument --{name}")).map(str::to_owned);
        let path = |name: &str| argument(name).map(Utf8PathBuf::from);
        let first = |urls: String| urls.split(',').next().unwrap_or_default().to_owned();
        let volumes = pod.pointer("/spec/volumes").and_then(Json::as_array).into_iter().flatten();
        let data = volumes.filter(|volume| volume.get("name").and_then(Json::as_str) == Some("etcd-data"));
        let data_dir = data.filter_map(|volume| volume.pointer("/hostPath/path")?.as_str()).next();
        let data_dir =
            data_dir.filter(|path| path.starts_with('/')).ok_or("it has no volume `etcd-data` of the host")?;
        let initial = EtcdMember::list(&argument("initial-cluster")?);
        let image = pod.pointer("/spec/containers/0/image").and_then(Json::as_str).unwrap_or_default();
        Ok(Self {
            name: self::argument(pod, "name").unwrap_or_default().to_owned(),
            image: image.to_owned(),
            data_dir: data_dir.into(),
            wal_dir: self::argument(pod, "wal-dir").filter(|path| !path.is_empty()).map(str::to_owned),
            peer_url: first(argument("initial-advertise-peer-urls")?),
            client_url: first(argument("advertise-client-urls")?),
            initial: initial.into_iter().map(|member| member.peer_url).collect(),
            authority: path("trusted-ca-file")?,
            certificate: path("cert-file")?,
            key: path("key-file")?,
        })
    }

    /// Reads the manifest where it stands, with the name and the image.
    ///
    /// # Errors
    /// It is not there, or is no etcd's.
    pub fn on(files: &Files) -> Result<Self, Failure> {
        let path = paths::static_pod("etcd");
        let manifest = files.read(&path)?.ok_or_else(|| {
            Failure::new(format!("`{path}` is not there, so this node has no etcd of Kubernetes's"))
                .kind(FailureKind::Validation)
        })?;
        let pod = Self::read(&manifest).and_then(|pod| match (pod.name.as_str(), pod.image.as_str()) {
            ("", _) => Err("it has no argument --name".to_owned()),
            (_, "") => Err("it names no image".to_owned()),
            _ => Ok(pod),
        });
        pod.map_err(|why| Failure::new(why).context(format!("cannot use `{path}`")))
    }

    /// The other members at its start, by their peer URLs.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.initial.iter().map(String::as_str).filter(|url| *url != self.peer_url)
    }

    /// Where clients may reach etcd: here, and where the others were when this member started. kubeadm gives no member
    /// another port.
    pub fn endpoints(&self) -> Vec<String> {
        let others = self.others().filter_map(|url| Some(format!("{}:2379", url.strip_suffix(":2380")?)));
        others.chain([self.client_url.clone()]).collect()
    }
}

/// The members that an etcd joined by its manifest, itself among them; none if it began the cluster.
pub fn members_joined(manifest: &Contents) -> Vec<EtcdMember> {
    let Ok(document) = yaml::document(manifest.as_bytes()) else { return Vec::new() };
    let argument = |name: &str| argument(document.value(), name);
    let joined = argument("initial-cluster-state") == Some("existing");
    argument("initial-cluster").filter(|_| joined).map(EtcdMember::list).unwrap_or_default()
}

/// The value of `--name=value` in the pod's first container.
fn argument<'a>(pod: &'a Json, name: &str) -> Option<&'a str> {
    let container = pod.pointer("/spec/containers/0")?;
    let words = ["command", "args"].into_iter().filter_map(|list| container.get(list)?.as_array()).flatten();
    let value = |word: &'a Json| word.as_str()?.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('=');
    // etcd takes the last of several.
    words.filter_map(value).next_back()
}

/// The user that a pod runs as, if its manifest names one.
pub fn user_of(manifest: &Contents) -> Option<u64> {
    let document = yaml::document(manifest.as_bytes()).ok()?;
    document.value().pointer("/spec/securityContext/runAsUser")?.as_u64()
}

/// The static pods of a control plane.
pub const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

#[cfg(test)]
mod tests;
