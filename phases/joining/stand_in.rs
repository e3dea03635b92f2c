//! The cluster that a dry run of `join` goes on with where none answers, in the version of the kubelet that is installed.

use kubewright_config::{CertificateKey, Init, KubernetesVersion, default_version};
use kubewright_manifests::uploads::{self, TokenOwner};
use kubewright_pki::{CertificateKind, PrivateKey};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::issuing::Issuing;
use crate::prelude::*;
use crate::stand_in::{authority, cluster, stored};

/// Makes the objects that `join` reads. `key` is what the user gives for the uploaded certificates.
///
/// # Errors
/// Only where the program's own texts are broken, or no key can be generated.
pub fn objects(
    kubelet: Option<&KubernetesVersion>,
    key: Option<&CertificateKey>,
    now: OffsetDateTime,
) -> Result<Vec<Json>, Failure> {
    let version = kubelet.cloned().unwrap_or_else(default_version);
    let cluster = cluster(&version, "dry-run", &[])?;
    let mut objects = stored(&cluster)?;
    objects.push(etcd_pod());
    if let Some(key) = key {
        objects.push(certificates(&cluster, key, now)?);
    }
    Ok(objects)
}

/// What the first control plane would have uploaded. kubeadm's has no contents, and its next phase makes authorities, as it
/// would in a real cluster.
fn certificates(
    Init { cluster, facts, .. }: &Init,
    key: &CertificateKey,
    now: OffsetDateTime,
) -> Result<Json, Failure> {
    let issuing = Issuing { cluster, facts, now };
    let algorithm = issuing.algorithm();
    let mut texts: Vec<(&str, String)> = Vec::new();
    for (kind, names) in [
        (CertificateKind::Ca, ["ca.crt", "ca.key"]),
        (CertificateKind::FrontProxyCa, ["front-proxy-ca.crt", "front-proxy-ca.key"]),
        (CertificateKind::EtcdCa, ["etcd-ca.crt", "etcd-ca.key"]),
    ] {
        let authority = authority(kind, PrivateKey::generate(algorithm)?, &issuing)?;
        let [certificate, private] = names;
        texts.push((certificate, authority.certificate().to_pem()));
        texts.push((private, authority.key().to_pem()?.to_string()));
    }
    let accounts = PrivateKey::generate(algorithm)?;
    texts.push(("sa.pub", accounts.public_pem()));
    texts.push(("sa.key", accounts.to_pem()?.to_string()));
    let contents = |name: &str| {
        let found = texts.iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| Zeroizing::new(text.clone().into_bytes()))
    };
    let files: Vec<_> = uploads::certificate_files(cluster)
        .into_iter()
        .map(|(name, _)| {
            let contents = contents(&name);
            (name, contents)
        })
        .collect();
    let owner = TokenOwner { name: "bootstrap-token-abcdef".into(), uid: String::new() };
    let upload = uploads::kubeadm_certs(key, &files, &owner, &mut crate::random::fill)?;
    Ok(upload.secret.object().clone())
}

fn etcd_pod() -> Json {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "etcd-dry-run",
            "namespace": "kube-system",
            "labels": {"component": "etcd", "tier": "control-plane"},
            "annotations": {"kubeadm.kubernetes.io/etcd.advertise-client-urls": "https://192.168.0.101:2379"},
        },
    })
}

#[cfg(test)]
mod tests;
