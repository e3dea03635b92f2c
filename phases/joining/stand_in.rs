//! The cluster that a dry run of `join` goes on with where none answers: the same settings as in kubeadm's, of the version
//! of the kubelet that is installed, with authorities that live as long as the dry run.

use std::net::Ipv4Addr;
use std::time::Duration;

use kubewright_config::{
    CertificateKey, ClusterConfiguration, HostFacts, Init, InitFlags, KubernetesVersion, VersionFacts, default_version,
    load_init,
};
use kubewright_manifests::uploads::{self, TokenOwner};
use kubewright_node::ProbeBackend;
use kubewright_pki::{Authority, CertificateKind, PrivateKey, Validity};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::issuing::Issuing;
use crate::prelude::*;

/// The version of the kubelet that is installed, if it is one that we know.
pub async fn installed_kubelet(probe: &dyn ProbeBackend) -> Option<KubernetesVersion> {
    let printed = probe.version_of("kubelet").await.ok()?;
    let version = printed.split_whitespace().last()?.parse::<KubernetesVersion>().ok()?;
    kubewright_config::facts_for(&version).ok().map(|_| version)
}

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
    let text = CLUSTER.replace("VERSION", &version.to_string());
    let (flags, host) = (InitFlags::default(), HostFacts::with_address("dry-run", ADDRESS.into()));
    let loaded = load_init(Some(("dry-run", text.as_bytes())), &flags, &host, &mut crate::random::fill);
    let (Init { cluster, kubelet, facts, .. }, _) = loaded?;
    let mut objects = uploads::kubeadm_config(&cluster, &facts, Duration::from_secs(240), &Default::default())?;
    objects.extend(uploads::kubelet_config(&kubelet, &facts)?);
    objects.push(etcd_pod());
    if let Some(key) = key {
        objects.push(certificates(&cluster, &facts, key, now)?);
    }
    Ok(objects)
}

/// What the first control plane would have uploaded. kubeadm's has no contents, and its next phase makes authorities, as it
/// would in a real cluster.
fn certificates(
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    key: &CertificateKey,
    now: OffsetDateTime,
) -> Result<Json, Failure> {
    let issuing = Issuing { cluster, facts, now };
    let (conventions, algorithm) = (issuing.conventions(), issuing.algorithm());
    let mut texts: Vec<(&str, String)> = Vec::new();
    for (kind, names) in [
        (CertificateKind::Ca, ["ca.crt", "ca.key"]),
        (CertificateKind::FrontProxyCa, ["front-proxy-ca.crt", "front-proxy-ca.key"]),
        (CertificateKind::EtcdCa, ["etcd-ca.crt", "etcd-ca.key"]),
    ] {
        let spec = kind.profile().ca_spec(&conventions).expect("these three are authorities");
        let validity = Validity::lasting(now, cluster.ca_certificate_validity_period, conventions.backdate);
        let authority = Authority::self_signed(&spec, PrivateKey::generate(algorithm)?, validity)?;
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

const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 101);

const CLUSTER: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: VERSION
controlPlaneEndpoint: 192.168.0.101:6443
certificateValidityPeriod: 100h0m0s
controllerManager:
  extraArgs:
  - name: cluster-signing-duration
    value: 24h
networking:
  podSubnet: 192.168.0.0/16
  serviceSubnet: 10.96.0.0/12
";

#[cfg(test)]
mod tests;
