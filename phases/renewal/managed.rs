//! The certificates that are renewed, by kubeadm's names, and how each is read from the node. kubeadm:
//! `app/phases/certs/renewal/manager.go`, `readwriter.go`.

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::{ClusterConfiguration, VersionFacts};
use kubewright_engine::{Applies, Failure, FailureContext, Seeds};
use kubewright_node::Contents;
use kubewright_pki::{Certificate, CertificateKind, Kubeconfig, KubeconfigKind, PrivateKey, Source};
use zeroize::Zeroizing;

use super::Component;
use crate::credentials::parse;
use crate::issuing::pair_paths;
use crate::paths;

/// Reads a file of the node.
pub type ReadFile<'a> = &'a dyn Fn(&Utf8Path) -> Result<Option<Contents>, Failure>;

/// One certificate that is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Managed {
    /// A pair of files under `pki`.
    Pki(CertificateKind),
    /// The client certificate of a kubeconfig.
    Kubeconfig(KubeconfigKind),
}

/// A certificate as it was found.
#[derive(Debug)]
pub struct Held {
    /// The certificate.
    pub certificate: Certificate,
    /// The file that it stands in.
    pub path: Utf8PathBuf,
    /// The kubeconfig that has it inline.
    pub document: Option<Kubeconfig>,
}

impl Managed {
    /// All of them, in the order in which kubeadm lists them; the kubelet's, which kubeadm leaves to the kubelet, is last.
    pub const ALL: [Self; 12] = [
        Self::Kubeconfig(KubeconfigKind::Admin),
        Self::Pki(CertificateKind::Apiserver),
        Self::Pki(CertificateKind::ApiserverEtcdClient),
        Self::Pki(CertificateKind::ApiserverKubeletClient),
        Self::Kubeconfig(KubeconfigKind::ControllerManager),
        Self::Pki(CertificateKind::EtcdHealthcheckClient),
        Self::Pki(CertificateKind::EtcdPeer),
        Self::Pki(CertificateKind::EtcdServer),
        Self::Pki(CertificateKind::FrontProxyClient),
        Self::Kubeconfig(KubeconfigKind::Scheduler),
        Self::Kubeconfig(KubeconfigKind::SuperAdmin),
        Self::KUBELET,
    ];

    /// The kubelet's client certificate, which it renews itself while it can.
    pub const KUBELET: Self = Self::Kubeconfig(KubeconfigKind::Kubelet);

    /// Those that kubeadm lists for a cluster.
    pub fn of(cluster: &ClusterConfiguration, facts: &VersionFacts) -> Vec<Self> {
        Self::ALL.into_iter().filter(|managed| *managed != Self::KUBELET && managed.is_of(cluster, facts)).collect()
    }

    /// Whether the cluster has such a certificate.
    pub fn is_of(self, cluster: &ClusterConfiguration, facts: &VersionFacts) -> bool {
        match self {
            Self::Pki(kind) => cluster.etcd.local().is_some() || !kind.is_for_local_etcd(),
            Self::Kubeconfig(kind) => kind != KubeconfigKind::SuperAdmin || facts.credentials.super_admin,
        }
    }

    /// Its name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pki(kind) => kind.profile().phase,
            Self::Kubeconfig(kind) => kind.file_name(),
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|managed| managed.name() == name)
    }

    /// The address of the phase that renews it.
    pub fn phase(self) -> String {
        format!("certificates/{}", self.name().replace('.', "-"))
    }

    /// What it is for, in kubeadm's words.
    pub fn long_name(self) -> &'static str {
        match self {
            Self::Pki(kind) => kind.profile().long_name,
            Self::Kubeconfig(kind) => match kind {
                KubeconfigKind::Admin => {
                    "certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself"
                }
                KubeconfigKind::SuperAdmin => "certificate embedded in the kubeconfig file for the super-admin",
                KubeconfigKind::ControllerManager => {
                    "certificate embedded in the kubeconfig file for the controller manager to use"
                }
                KubeconfigKind::Scheduler => {
                    "certificate embedded in the kubeconfig file for the scheduler manager to use"
                }
                KubeconfigKind::Kubelet => "client certificate of the kubelet",
            },
        }
    }

    /// The authority that signs it.
    pub fn authority(self) -> CertificateKind {
        match self {
            Self::Pki(kind) => kind.profile().parent.unwrap_or(CertificateKind::Ca),
            Self::Kubeconfig(_) => CertificateKind::Ca,
        }
    }

    /// The component that uses it, if one of this node's does all the time.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Pki(CertificateKind::EtcdServer | CertificateKind::EtcdPeer) => Some(Component::Etcd),
            Self::Pki(CertificateKind::EtcdHealthcheckClient) => None,
            Self::Pki(_) => Some(Component::ApiServer),
            Self::Kubeconfig(KubeconfigKind::ControllerManager) => Some(Component::ControllerManager),
            Self::Kubeconfig(KubeconfigKind::Scheduler) => Some(Component::Scheduler),
            Self::Kubeconfig(KubeconfigKind::Kubelet) => Some(Component::Kubelet),
            Self::Kubeconfig(KubeconfigKind::Admin | KubeconfigKind::SuperAdmin) => None,
        }
    }

    /// The file that tells that it is there.
    pub fn file(self, cluster: &ClusterConfiguration) -> Utf8PathBuf {
        match self {
            Self::Pki(kind) => pair_paths(cluster, kind.profile().base_name).0,
            Self::Kubeconfig(kind) => Utf8Path::new(paths::KUBERNETES_DIR).join(kind.file_name()),
        }
    }

    /// Where it is noted that its component must be restarted for it.
    pub fn mark(self) -> Utf8PathBuf {
        Utf8Path::new(paths::RENEWED_DIR).join(self.name())
    }

    /// Reads it; `None` when its file is not there.
    ///
    /// # Errors
    /// The file is there, and holds no such certificate.
    pub fn read(self, cluster: &ClusterConfiguration, read: ReadFile<'_>) -> Result<Option<Held>, Failure> {
        let path = self.file(cluster);
        let Some(contents) = read(&path)? else { return Ok(None) };
        match self {
            Self::Pki(kind) => {
                let doing = || format!("failed to load existing certificate {}", kind.profile().base_name);
                let certificate = Certificate::from_pem(contents.as_bytes())
                    .context(format!("cannot read `{path}`"))
                    .context(doing())?;
                Ok(Some(Held { certificate, path, document: None }))
            }
            Self::Kubeconfig(kind) => from_kubeconfig(kind, path, &contents, read),
        }
    }

    /// The private key that belongs to it, to be looked at only.
    ///
    /// # Errors
    /// It is not there, or no key.
    pub fn key(self, held: &Held, cluster: &ClusterConfiguration, read: ReadFile<'_>) -> Result<PrivateKey, Failure> {
        let of_file = |path: &Utf8Path| -> Result<Zeroizing<Vec<u8>>, Failure> {
            let contents = read(path)?.ok_or_else(|| Failure::new(format!("`{path}` is not there")))?;
            Ok(Zeroizing::new(contents.as_bytes().to_vec()))
        };
        let pem = match (self, &held.document) {
            (Self::Pki(kind), _) => of_file(&pair_paths(cluster, kind.profile().base_name).1)?,
            (Self::Kubeconfig(_), Some(document)) => match document.client_key()? {
                Some(Source::Inline(pem)) => pem,
                Some(Source::File(path)) => of_file(&held.path.parent().unwrap_or(&held.path).join(path))?,
                None => return Err(Failure::new(format!("the kubeconfig `{}` has no client key", held.path))),
            },
            (Self::Kubeconfig(_), None) => of_file(&held.path)?,
        };
        PrivateKey::from_pem(&pem).context(format!("cannot read the private key of {}", self.name()))
    }
}

fn from_kubeconfig(
    kind: KubeconfigKind,
    path: Utf8PathBuf,
    contents: &Contents,
    read: ReadFile<'_>,
) -> Result<Option<Held>, Failure> {
    let document = parse(&path, contents).context(format!("failed to load kubeConfig file {path}"))?;
    match document.client_certificate().context(format!("cannot use `{path}`"))? {
        Some(Source::Inline(pem)) => {
            let doing = || format!("kubeConfig file {path} does not contain a valid client certificate");
            let certificate = Certificate::from_pem(&pem).context(doing())?;
            Ok(Some(Held { certificate, path, document: Some(document) }))
        }
        // The kubelet keeps its own in a file, which it replaces when it renews it.
        Some(Source::File(name)) if kind == KubeconfigKind::Kubelet => {
            let file = path.parent().unwrap_or(&path).join(name);
            let Some(contents) = read(&file)? else { return Ok(None) };
            let certificate = Certificate::from_pem(contents.as_bytes()).context(format!("cannot read `{file}`"))?;
            Ok(Some(Held { certificate, path: file, document: None }))
        }
        _ => Err(Failure::new(format!("kubeConfig file {path} does not have an embedded client certificate"))),
    }
}

/// The authorities that kubeadm lists for a cluster, in its order.
pub fn authorities(cluster: &ClusterConfiguration) -> Vec<CertificateKind> {
    let all = [CertificateKind::Ca, CertificateKind::EtcdCa, CertificateKind::FrontProxyCa];
    all.into_iter().filter(|kind| cluster.etcd.local().is_some() || !kind.is_for_local_etcd()).collect()
}

/// Whether somebody else keeps the authority's key.
///
/// # Errors
/// Its certificate is not there, or cannot be read.
pub fn is_external(
    authority: CertificateKind,
    cluster: &ClusterConfiguration,
    read: ReadFile<'_>,
) -> Result<bool, Failure> {
    let base = authority.profile().base_name;
    let (crt, key) = pair_paths(cluster, base);
    let doing = || format!("cannot tell whether the certificate authority {base} is external");
    let contents = read(&crt).context(doing())?;
    let contents = contents.ok_or_else(|| {
        Failure::new(format!("`{crt}` is not there")).context(doing()).hint(format!("put {crt} back from a backup"))
    })?;
    Certificate::from_pem(contents.as_bytes()).context(format!("cannot read `{crt}`")).context(doing())?;
    // What cannot be read is there: only its absence says that somebody else keeps it.
    Ok(matches!(read(&key), Ok(None)))
}

/// Whether the phase of a certificate has anything to do; `why` says why it has not.
pub fn applies(managed: Managed, seeds: &Seeds, why: &'static str) -> Applies {
    match (seeds.get::<ClusterConfiguration>(), seeds.get::<VersionFacts>()) {
        (Some(cluster), Some(facts)) if !managed.is_of(cluster, facts) => Applies::No { why: why.into() },
        _ => Applies::Yes,
    }
}
