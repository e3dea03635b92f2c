//! What `init` leaves in the API for nodes that join later: settings, tokens, certificates and the cluster's address.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use camino::Utf8PathBuf;
use kubewright_config::component::config_hash;
use kubewright_config::model::{ApiEndpoint, BootstrapTokenEntry, Etcd};
use kubewright_config::{BootstrapToken, CertificateKey, ClusterConfiguration, KubeletDoc, VersionFacts, store, yaml};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use crate::certificate_key::{self, NONCE_LENGTH};
use crate::{ManifestError, SecretObject, rbac};

const SYSTEM: &str = "kube-system";
const PUBLIC: &str = "kube-public";
const HASH_ANNOTATION: &str = "kubeadm.kubernetes.io/component-config.hash";
/// How long uploaded certificates live: as long as the token that owns them.
const CERTIFICATES_LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);

/// Makes the ConfigMap `kubeadm-config`, its Role and its RoleBinding.
///
/// `timeout` is how long this node waits for its control plane; only versions that store it with the cluster use it.
/// `api_endpoints` maps every control-plane node to its API server; only versions that keep `ClusterStatus` use it.
///
/// # Errors
/// Only where a template is broken.
pub fn kubeadm_config(
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    timeout: Duration,
    api_endpoints: &BTreeMap<String, ApiEndpoint>,
) -> Result<Vec<Value>, ManifestError> {
    let mut data = Map::new();
    data.insert("ClusterConfiguration".into(), store::cluster_configuration_yaml(cluster, facts, timeout).into());
    if let Some(status) = store::cluster_status_yaml(api_endpoints, facts) {
        data.insert("ClusterStatus".into(), status.into());
    }
    let mut objects = vec![config_map("kubeadm-config", SYSTEM, data)];
    objects.extend(rbac::kubeadm_config()?);
    Ok(objects)
}

/// Makes the kubelet's ConfigMap, its Role and its RoleBinding.
///
/// A run that has written the node's own file before hands in [`KubeletDoc::with_node`]'s document, as kubeadm does.
///
/// # Errors
/// Only where a template is broken.
pub fn kubelet_config(document: &KubeletDoc, facts: &VersionFacts) -> Result<Vec<Value>, ManifestError> {
    let text = document.config_map_yaml();
    let hash = (!document.user_supplied).then(|| config_hash([text.as_bytes()]));
    let mut object = config_map(&facts.kubelet.config_map, SYSTEM, Map::from_iter([("kubelet".into(), text.into())]));
    if let Some(hash) = hash {
        object["metadata"]["annotations"] = json!({ HASH_ANNOTATION: hash });
    }
    let mut objects = vec![object];
    objects.extend(rbac::kubelet_config(facts)?);
    Ok(objects)
}

/// Makes the ConfigMap `cluster-info`, its Role and its RoleBinding, which nodes read before they have credentials.
///
/// `server` is the URL that `admin.conf` names; `authority` is its bundle of certificates, as PEM.
///
/// # Errors
/// Only where a template is broken.
pub fn cluster_info(server: &str, authority: &[u8], facts: &VersionFacts) -> Result<Vec<Value>, ManifestError> {
    let mut kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "", "cluster": { "certificate-authority-data": BASE64.encode(authority), "server": server } }],
        "contexts": null,
        "current-context": "",
        "users": null,
    });
    if facts.credentials.kubeconfig_preferences {
        kubeconfig["preferences"] = json!({});
    }
    let data = Map::from_iter([("kubeconfig".into(), yaml::to_string(&kubeconfig).into())]);
    let mut objects = vec![config_map("cluster-info", PUBLIC, data)];
    objects.extend(rbac::cluster_info()?);
    Ok(objects)
}

/// Makes the Secret of a bootstrap token; a lifetime counts from `now`.
///
/// # Errors
/// The expiry is no moment that can be written.
pub fn bootstrap_token(entry: &BootstrapTokenEntry, now: OffsetDateTime) -> Result<SecretObject, ManifestError> {
    let expiry = || ManifestError::Expiry { id: entry.token.id().to_owned() };
    let mut data = Map::new();
    let mut set = |key: &str, value: &str| data.insert(key.to_owned(), BASE64.encode(value).into());
    set("token-id", entry.token.id());
    set("token-secret", entry.token.secret());
    if !entry.description.is_empty() {
        set("description", &entry.description);
    }
    let moment = match (&entry.expires, entry.ttl) {
        (Some(text), _) => Some(OffsetDateTime::parse(text, &Rfc3339).map_err(|_| expiry())?),
        (None, Some(ttl)) if !ttl.is_zero() => {
            let ttl = time::Duration::try_from(ttl).map_err(|_| expiry())?;
            Some(now.checked_add(ttl).ok_or_else(expiry)?)
        }
        _ => None,
    };
    if let Some(moment) = moment {
        // Kubernetes reads whole seconds here.
        let moment = moment.to_offset(time::UtcOffset::UTC).truncate_to_second();
        set("expiration", &moment.format(&Rfc3339).map_err(|_| expiry())?);
    }
    for usage in &entry.usages {
        set(&format!("usage-bootstrap-{usage}"), "true");
    }
    if !entry.groups.is_empty() {
        set("auth-extra-groups", &entry.groups.join(","));
    }
    Ok(SecretObject::new(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": entry.token.secret_name(), "namespace": SYSTEM },
        "type": "bootstrap.kubernetes.io/token",
        "data": data,
    })))
}

/// Makes the short-lived token that owns the uploaded certificates: when it expires, they go with it.
pub fn certificates_token(token: BootstrapToken) -> BootstrapTokenEntry {
    BootstrapTokenEntry {
        token,
        description: "Proxy for managing TTL for the kubeadm-certs secret".to_owned(),
        ttl: Some(CERTIFICATES_LIFETIME),
        expires: None,
        usages: Vec::new(),
        groups: Vec::new(),
    }
}

/// Returns the files that go into `kubeadm-certs`, each with its key there.
///
/// An external etcd without TLS has no files, but its keys are there too: `join` insists on them.
pub fn certificate_files(cluster: &ClusterConfiguration) -> Vec<(String, Option<Utf8PathBuf>)> {
    let shared = ["ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.pub", "sa.key"];
    let own = |name: &&str| (name.replace('/', "-"), Some(cluster.certificate_path(name)));
    let mut files: Vec<_> = shared.iter().map(own).collect();
    match &cluster.etcd {
        Etcd::Local(_) => files.extend(["etcd/ca.crt", "etcd/ca.key"].iter().map(own)),
        Etcd::External(etcd) => {
            let given = [
                ("external-etcd-ca.crt", &etcd.ca_file),
                ("external-etcd.crt", &etcd.cert_file),
                ("external-etcd.key", &etcd.key_file),
            ];
            files.extend(given.map(|(name, path)| (name.to_owned(), path.clone())));
        }
    }
    files
}

/// The Secret of the token that owns the uploaded certificates, as the API gave it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
}

/// A file for `kubeadm-certs`: its key there, and its bytes if it exists.
pub type CertificateFile = (String, Option<Zeroizing<Vec<u8>>>);

/// The Secret `kubeadm-certs`, and who may read it.
#[derive(Debug, Clone, PartialEq)]
pub struct CertificateUpload {
    /// The Secret, with every file encrypted.
    pub secret: SecretObject,
    /// Its Role and RoleBinding.
    pub access: Vec<Value>,
}

/// Makes the Secret `kubeadm-certs` with its Role and RoleBinding; `fill` gives random bytes for the nonces.
///
/// A file that does not exist keeps its key with an empty value, so that the reader knows it was looked for.
///
/// # Errors
/// A file is too long to be encrypted.
pub fn kubeadm_certs(
    key: &CertificateKey,
    files: &[CertificateFile],
    owner: &TokenOwner,
    fill: &mut dyn FnMut(&mut [u8]),
) -> Result<CertificateUpload, ManifestError> {
    let mut data = Map::new();
    for (name, bytes) in files {
        let sealed = match bytes {
            Some(bytes) => {
                let mut nonce = [0; NONCE_LENGTH];
                fill(&mut nonce);
                certificate_key::encrypt(key, &nonce, bytes)?
            }
            None => Vec::new(),
        };
        data.insert(name.clone(), BASE64.encode(sealed).into());
    }
    let secret = SecretObject::new(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "kubeadm-certs",
            "namespace": SYSTEM,
            "ownerReferences": [{
                "apiVersion": "v1",
                "kind": "Secret",
                "name": owner.name,
                "uid": owner.uid,
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        },
        "data": data,
    }));
    Ok(CertificateUpload { secret, access: rbac::kubeadm_certs()? })
}

fn config_map(name: &str, namespace: &str, data: Map<String, Value>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": namespace },
        "data": data,
    })
}

#[cfg(test)]
mod tests;
