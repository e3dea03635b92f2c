//! The cluster that a dry run of `upgrade` goes on with where the kubeconfig is not there, and what of this node is not
//! there either: what `init` would have left, so that every phase runs to its end.

use kubewright_config::{Init, KubernetesVersion, known_minors, yaml};
use kubewright_manifests::{ControlPlaneNode, coredns, kube_proxy};
use kubewright_node::dry_run::MadeUp;
use kubewright_node::{FileBackend, ProbeBackend};
use kubewright_pki::{
    Authority, Certificate, CertificateKind, KeyAlgorithm, Kubeconfig, KubeconfigKind, PkiError, PrivateKey, SanSet,
    Validity,
};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;

use super::{Component, UpgradeOptions};
use crate::component::kubeconfig_path;
use crate::credentials::{self, Credentials};
use crate::issuing::{Issuing, pair_paths};
use crate::prelude::*;
use crate::running::{ReadFile, node_name};
use crate::stand_in::{authority, cluster, installed_kubelet, stored};

/// The version of a cluster that can be upgraded to the target: the first release of the minor before it, as in kubeadm, as
/// far as minors are known. Without a target it is that of the kubelet that is installed, or else our default.
pub async fn version(target: Option<&KubernetesVersion>, probe: &dyn ProbeBackend) -> KubernetesVersion {
    let known = |minor: &u64| target.is_some_and(|target| *minor < target.minor());
    match target {
        Some(_) => {
            let oldest = known_minors().next().unwrap_or_default();
            KubernetesVersion::new(1, known_minors().filter(known).last().unwrap_or(oldest), 0)
        }
        None => installed_kubelet(probe).await.unwrap_or_else(kubewright_config::default_version),
    }
}

/// Makes the cluster. `read` finds what is here: none of it is replaced.
///
/// # Errors
/// The name of the node cannot be read from the kubelet's kubeconfig, or more than one container runtime could be meant.
pub fn make(
    version: &KubernetesVersion,
    read: ReadFile<'_>,
    options: &UpgradeOptions,
    (probe, cri_sockets): (&dyn ProbeBackend, &[String]),
    now: OffsetDateTime,
) -> Result<MadeUp, Failure> {
    let name = match read(Utf8Path::new(paths::KUBELET_CONF))? {
        Some(_) => node_name(read)?,
        None => probe.hostname(),
    };
    let cluster = cluster(version, &name, cri_sockets)?;
    let Init { init, kube_proxy: proxy, facts, .. } = &cluster;
    let mut objects = stored(&cluster)?;
    objects.extend(kube_proxy(&cluster.cluster, proxy, &init.local_api_endpoint, facts, &[])?);
    objects.extend(coredns(&cluster.cluster, facts, None)?);
    objects.push(json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name},
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": init.node_registration.cri_socket},
        },
        "spec": {},
        "status": {"nodeInfo": {"kubeletVersion": version.to_string()}},
    }));
    let mut files = Absent { read, files: Vec::new() };
    let node = ControlPlaneNode::of_init(init, &cluster.cluster, facts);
    for component in Component::of(&cluster.cluster) {
        let pod = component.render(&node, None)?;
        objects.push(mirror(pod.yaml.as_bytes(), &name)?);
        if options.control_plane {
            files.add([(component.manifest(), Contents::public(pod.yaml), paths::SECRET_FILE)])?;
        }
    }
    credentials(&cluster, options, now, &mut files)?;
    Ok(MadeUp { version: version.to_string(), objects, files: files.files })
}

/// What the API would show of this node's static pods if a kubelet ran the manifests that are there.
///
/// # Errors
/// One cannot be read.
pub fn shown(files: &dyn FileBackend, node: &str) -> Result<Vec<Json>, Failure> {
    let manifests = Component::ALL.into_iter().map(|component| files.read(&component.manifest()));
    let manifests = manifests.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
    manifests.iter().map(|manifest| mirror(manifest.as_bytes(), node)).collect()
}

/// The pod that the API shows of a manifest.
fn mirror(manifest: &[u8], node: &str) -> Result<Json, Failure> {
    let mut pod = yaml::document(manifest)?.value().clone();
    let name = pod.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default().to_owned();
    pod["metadata"]["name"] = format!("{name}-{node}").into();
    pod["metadata"]["annotations"]["kubernetes.io/config.hash"] = "made-up".into();
    pod["spec"]["nodeName"] = node.into();
    pod["status"] = json!({"phase": "Running", "containerStatuses": [{"name": name, "state": {"running": {}}}]});
    Ok(pod)
}

/// Files that are not here. Those that belong together come together, or not at all.
struct Absent<'a> {
    read: ReadFile<'a>,
    files: Vec<(Utf8PathBuf, Contents, Mode)>,
}

impl Absent<'_> {
    fn add<const N: usize>(&mut self, group: [(Utf8PathBuf, Contents, Mode); N]) -> Result<(), Failure> {
        for (path, ..) in &group {
            if (self.read)(path)?.is_some() {
                return Ok(());
            }
        }
        self.files.extend(group);
        Ok(())
    }
}

/// Certificates and kubeconfigs. Their keys are of the kind that is made fastest: they are only there to be renewed.
fn credentials(
    cluster: &Init,
    options: &UpgradeOptions,
    now: OffsetDateTime,
    files: &mut Absent<'_>,
) -> Result<(), Failure> {
    let Init { init, cluster: configuration, facts, .. } = cluster;
    let issuing = Issuing { cluster: configuration, facts, now };
    let (conventions, name) = (issuing.conventions(), &init.node_registration.name);
    let validity = Validity::lasting(now, configuration.certificate_validity_period, conventions.backdate);
    let pair = |kind: CertificateKind, certificate: &Certificate, key: &PrivateKey| -> Result<_, PkiError> {
        let (crt, pem) = pair_paths(configuration, kind.profile().base_name);
        let private = Contents::secret(key.to_pem()?.as_bytes());
        Ok([(pem, private, paths::SECRET_FILE), (crt, Contents::public(certificate.to_pem()), paths::PUBLIC_FILE)])
    };
    let mut authorities = Vec::<(CertificateKind, Authority)>::new();
    for kind in CertificateKind::ALL.into_iter().filter(|kind| kind.is_authority()) {
        let authority = authority(kind, key()?, &issuing)?;
        if options.control_plane {
            files.add(pair(kind, authority.certificate(), authority.key())?)?;
        }
        authorities.push((kind, authority));
    }
    let signer = |kind: CertificateKind| {
        let found = authorities.iter().find(|(known, _)| *known == kind);
        &found.expect("all three were made").1
    };
    let leaves = CertificateKind::ALL.into_iter().filter_map(|kind| Some((kind, kind.profile().parent?)));
    for (kind, parent) in leaves.filter(|_| options.control_plane) {
        let spec =
            kind.profile().leaf_spec(&conventions, name, SanSet::etcd(name, init.local_api_endpoint.advertise_address));
        let (spec, own) = (spec.expect("it has a parent"), key()?);
        files.add(pair(kind, &signer(parent).sign(&spec, &own, validity)?, &own)?)?;
    }
    let shared = options.as_init();
    let credentials = Credentials { init, cluster: configuration, facts, options: &shared };
    for kind in credentials.kinds().filter(|kind| options.control_plane || *kind == KubeconfigKind::Kubelet) {
        let (own, authority, server) = (key()?, signer(CertificateKind::Ca), credentials.server(kind));
        let certificate = authority.sign(&kind.leaf_spec(&conventions, name), &own, validity)?;
        let (ca, user) = (authority.certificate(), kind.user(name));
        let document =
            Kubeconfig::with_client_cert(&configuration.cluster_name, &server, ca, &user, &certificate, &own)?;
        let contents = Contents::secret(credentials::render(&document)?);
        // Whatever the command line names stands for the administrator's.
        if kind == KubeconfigKind::Admin || !options.control_plane {
            files.add([(options.kubeconfig.clone(), contents.clone(), paths::SECRET_FILE)])?;
        }
        files.add([(kubeconfig_path(kind), contents, paths::SECRET_FILE)])?;
    }
    Ok(())
}

fn key() -> Result<PrivateKey, PkiError> {
    PrivateKey::generate(KeyAlgorithm::EcdsaP256)
}
