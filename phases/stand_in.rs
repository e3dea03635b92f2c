//! The cluster that a dry run goes on with where there is none: the same settings as in kubeadm's
//! (`app/util/apiclient/dryrun.go`), in the version that the command needs, with authorities that live as long as it.

use std::net::Ipv4Addr;

use kubewright_config::{HostFacts, Init, InitFlags, KubernetesVersion, load_init};
use kubewright_manifests::uploads;
use kubewright_node::ProbeBackend;
use kubewright_pki::{Authority, CertificateKind, PkiError, PrivateKey, Validity};
use serde_json::Value as Json;

use crate::issuing::Issuing;
use crate::prelude::*;

/// The version of the kubelet that is installed, if it is one that we know.
pub async fn installed_kubelet(probe: &dyn ProbeBackend) -> Option<KubernetesVersion> {
    let printed = probe.version_of("kubelet").await.ok()?;
    let version = printed.split_whitespace().last()?.parse::<KubernetesVersion>().ok()?;
    kubewright_config::facts_for(&version).ok().map(|_| version)
}

/// What `init` knew on the first control plane of the cluster: a machine of this name, where these sockets of container
/// runtimes answer.
///
/// # Errors
/// The version is not known, or more than one runtime could be meant.
pub fn cluster(version: &KubernetesVersion, name: &str, cri_sockets: &[String]) -> Result<Init, Failure> {
    let text = CLUSTER.replace("VERSION", &version.to_string());
    let host = HostFacts { cri_sockets: cri_sockets.to_vec(), ..HostFacts::with_address(name, ADDRESS.into()) };
    let loaded = load_init(Some(("dry-run", text.as_bytes())), &InitFlags::default(), &host, &mut crate::random::fill);
    Ok(loaded?.0)
}

/// What `init` stored of it.
///
/// # Errors
/// Only where the program's own texts are broken.
pub fn stored(cluster: &Init) -> Result<Vec<Json>, Failure> {
    let Init { init, cluster, kubelet, facts, .. } = cluster;
    let timeout = init.timeouts.control_plane_component_health_check;
    let mut objects = uploads::kubeadm_config(cluster, facts, timeout, &Default::default())?;
    objects.extend(uploads::kubelet_config(kubelet, facts)?);
    Ok(objects)
}

/// One of its authorities.
///
/// # Errors
/// Nothing can be signed with the key.
pub fn authority(kind: CertificateKind, key: PrivateKey, issuing: &Issuing<'_>) -> Result<Authority, PkiError> {
    let conventions = issuing.conventions();
    let spec = kind.profile().ca_spec(&conventions).expect("the callers name authorities only");
    let period = issuing.cluster.ca_certificate_validity_period;
    Authority::self_signed(&spec, key, Validity::lasting(issuing.now, period, conventions.backdate))
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
