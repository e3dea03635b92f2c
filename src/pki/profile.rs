//! kubeadm's certificates and kubeconfig users, as tables.

use crate::{CaSpec, Conventions, ExtendedKeyUsage, LeafSpec, SanSet};

/// One of the certificates under the `pki` directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CertificateKind {
    /// The cluster's authority.
    Ca,
    /// What the API server shows its clients.
    Apiserver,
    /// What the API server shows kubelets.
    ApiserverKubeletClient,
    /// The authority behind the front proxy.
    FrontProxyCa,
    /// What the API server shows extension API servers.
    FrontProxyClient,
    /// etcd's own authority.
    EtcdCa,
    /// What etcd shows its clients.
    EtcdServer,
    /// What etcd members show each other.
    EtcdPeer,
    /// What liveness probes show etcd.
    EtcdHealthcheckClient,
    /// What the API server shows etcd.
    ApiserverEtcdClient,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Which certificate.
    pub kind: CertificateKind,
    /// Name of the phase under `init phase certs`, also the name for `certs renew`.
    pub phase: &'static str,
    /// Path under the `pki` directory without `.crt` or `.key`.
    pub base_name: &'static str,
    /// Common name of the subject.
    pub common_name: CommonName,
    /// The extended key usages; none for authorities.
    pub usages: &'static [ExtendedKeyUsage],
    /// Which authority signs; `None` for authorities.
    pub parent: Option<CertificateKind>,
    /// Where its DNS names and addresses come from.
    pub names: NameSource,
    /// What it is for, to be read by people.
    pub long_name: &'static str,
}

/// Where a common name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommonName {
    /// Always the same.
    Fixed(&'static str),
    /// The name of the Node object.
    NodeName,
}

/// Where DNS names and addresses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameSource {
    /// There are none, but for an authority's own name.
    None,
    /// [`SanSet::apiserver`] and `apiServer.certSANs`.
    Apiserver,
    /// [`SanSet::etcd`] and `etcd.local.serverCertSANs`.
    EtcdServer,
    /// [`SanSet::etcd`] and `etcd.local.peerCertSANs`.
    EtcdPeer,
}

impl CertificateKind {
    /// All kinds, in the order in which `init` makes them.
    pub const ALL: [Self; 10] = [
        Self::Ca,
        Self::Apiserver,
        Self::ApiserverKubeletClient,
        Self::FrontProxyCa,
        Self::FrontProxyClient,
        Self::EtcdCa,
        Self::EtcdServer,
        Self::EtcdPeer,
        Self::EtcdHealthcheckClient,
        Self::ApiserverEtcdClient,
    ];

    /// Its row of the table.
    pub fn profile(self) -> &'static Profile {
        match self {
            Self::Ca => &CA,
            Self::Apiserver => &APISERVER,
            Self::ApiserverKubeletClient => &APISERVER_KUBELET_CLIENT,
            Self::FrontProxyCa => &FRONT_PROXY_CA,
            Self::FrontProxyClient => &FRONT_PROXY_CLIENT,
            Self::EtcdCa => &ETCD_CA,
            Self::EtcdServer => &ETCD_SERVER,
            Self::EtcdPeer => &ETCD_PEER,
            Self::EtcdHealthcheckClient => &ETCD_HEALTHCHECK_CLIENT,
            Self::ApiserverEtcdClient => &APISERVER_ETCD_CLIENT,
        }
    }

    /// True for the three authorities.
    pub fn is_authority(self) -> bool {
        self.profile().parent.is_none()
    }

    /// True for the five that an external etcd makes superfluous.
    pub fn is_for_local_etcd(self) -> bool {
        self == Self::EtcdCa || self.profile().parent == Some(Self::EtcdCa)
    }

    fn organization(self, conventions: &Conventions) -> Option<&str> {
        match self {
            Self::ApiserverKubeletClient => conventions.kubelet_client_organization.as_deref(),
            Self::EtcdHealthcheckClient | Self::ApiserverEtcdClient => conventions.etcd_client_organization.as_deref(),
            _ => None,
        }
    }
}

impl Profile {
    /// What the authority is to say; `None` for leaves.
    pub fn ca_spec(&self, conventions: &Conventions) -> Option<CaSpec> {
        let (None, CommonName::Fixed(name)) = (self.parent, self.common_name) else {
            return None;
        };
        let names: &[&str] = if conventions.ca_dns_san { &[name] } else { &[] };
        Some(CaSpec {
            common_name: name.to_owned(),
            names: SanSet::new(names.iter().copied(), []),
            serial_zero: conventions.ca_serial_zero,
        })
    }

    /// What the leaf is to say; `None` for authorities.
    pub fn leaf_spec(&self, conventions: &Conventions, node_name: &str, names: SanSet) -> Option<LeafSpec> {
        self.parent?;
        let common_name = match self.common_name {
            CommonName::Fixed(name) => name,
            CommonName::NodeName => node_name,
        };
        Some(LeafSpec {
            common_name: common_name.to_owned(),
            organizations: self.kind.organization(conventions).map(str::to_owned).into_iter().collect(),
            usages: self.usages.to_vec(),
            names,
            basic_constraints: conventions.leaf_basic_constraints,
        })
    }
}

/// One of the kubeconfig files under `/etc/kubernetes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KubeconfigKind {
    /// For the cluster's administrators.
    Admin,
    /// For when authorization itself is broken.
    SuperAdmin,
    /// For the kubelet of this node.
    Kubelet,
    /// For the controller manager of this node.
    ControllerManager,
    /// For the scheduler of this node.
    Scheduler,
}

impl KubeconfigKind {
    /// All kinds, in the order in which `init` makes them.
    pub const ALL: [Self; 5] = [Self::Admin, Self::SuperAdmin, Self::Kubelet, Self::ControllerManager, Self::Scheduler];

    /// Name of the phase under `init phase kubeconfig`.
    pub fn phase(self) -> &'static str {
        self.file_name().strip_suffix(".conf").unwrap_or(self.file_name())
    }

    /// File name under `/etc/kubernetes`.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Admin => "admin.conf",
            Self::SuperAdmin => "super-admin.conf",
            Self::Kubelet => "kubelet.conf",
            Self::ControllerManager => "controller-manager.conf",
            Self::Scheduler => "scheduler.conf",
        }
    }

    /// The user's name, in the file and in the certificate.
    pub fn user(self, node_name: &str) -> String {
        match self {
            Self::Admin => "kubernetes-admin".to_owned(),
            Self::SuperAdmin => "kubernetes-super-admin".to_owned(),
            Self::Kubelet => format!("system:node:{node_name}"),
            Self::ControllerManager => "system:kube-controller-manager".to_owned(),
            Self::Scheduler => "system:kube-scheduler".to_owned(),
        }
    }

    /// True for those that talk to the API server of their own node instead of the shared endpoint.
    ///
    /// The kubelet's did not in old versions: there the caller decides.
    pub fn uses_local_endpoint(self) -> bool {
        matches!(self, Self::Kubelet | Self::ControllerManager | Self::Scheduler)
    }

    /// What its client certificate is to say.
    pub fn leaf_spec(self, conventions: &Conventions, node_name: &str) -> LeafSpec {
        let organization = match self {
            Self::Admin => Some(conventions.admin_organization.as_str()),
            Self::SuperAdmin => Some("system:masters"),
            Self::Kubelet => Some("system:nodes"),
            Self::ControllerManager | Self::Scheduler => None,
        };
        LeafSpec {
            common_name: self.user(node_name),
            organizations: organization.map(str::to_owned).into_iter().collect(),
            usages: vec![ExtendedKeyUsage::ClientAuth],
            names: SanSet::default(),
            basic_constraints: conventions.leaf_basic_constraints,
        }
    }
}

/// Path under the `pki` directory of the service account key pair, without `.key` or `.pub`.
pub const SERVICE_ACCOUNT_BASE_NAME: &str = "sa";

const CLIENT: &[ExtendedKeyUsage] = &[ExtendedKeyUsage::ClientAuth];
const SERVER: &[ExtendedKeyUsage] = &[ExtendedKeyUsage::ServerAuth];
const BOTH: &[ExtendedKeyUsage] = &[ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth];

const CA: Profile = Profile {
    kind: CertificateKind::Ca,
    phase: "ca",
    base_name: "ca",
    common_name: CommonName::Fixed("kubernetes"),
    usages: &[],
    parent: None,
    names: NameSource::None,
    long_name: "the self-signed Kubernetes CA that provides identities for all other Kubernetes components",
};

const APISERVER: Profile = Profile {
    kind: CertificateKind::Apiserver,
    phase: "apiserver",
    base_name: "apiserver",
    common_name: CommonName::Fixed("kube-apiserver"),
    usages: SERVER,
    parent: Some(CertificateKind::Ca),
    names: NameSource::Apiserver,
    long_name: "certificate for serving the Kubernetes API",
};

const APISERVER_KUBELET_CLIENT: Profile = Profile {
    kind: CertificateKind::ApiserverKubeletClient,
    phase: "apiserver-kubelet-client",
    base_name: "apiserver-kubelet-client",
    common_name: CommonName::Fixed("kube-apiserver-kubelet-client"),
    usages: CLIENT,
    parent: Some(CertificateKind::Ca),
    names: NameSource::None,
    long_name: "certificate for the API server to connect to kubelet",
};

const FRONT_PROXY_CA: Profile = Profile {
    kind: CertificateKind::FrontProxyCa,
    phase: "front-proxy-ca",
    base_name: "front-proxy-ca",
    common_name: CommonName::Fixed("front-proxy-ca"),
    usages: &[],
    parent: None,
    names: NameSource::None,
    long_name: "the self-signed CA that provides identities for the front proxy",
};

const FRONT_PROXY_CLIENT: Profile = Profile {
    kind: CertificateKind::FrontProxyClient,
    phase: "front-proxy-client",
    base_name: "front-proxy-client",
    common_name: CommonName::Fixed("front-proxy-client"),
    usages: CLIENT,
    parent: Some(CertificateKind::FrontProxyCa),
    names: NameSource::None,
    long_name: "certificate for the front proxy client",
};

const ETCD_CA: Profile = Profile {
    kind: CertificateKind::EtcdCa,
    phase: "etcd-ca",
    base_name: "etcd/ca",
    common_name: CommonName::Fixed("etcd-ca"),
    usages: &[],
    parent: None,
    names: NameSource::None,
    long_name: "the self-signed CA that provides identities for etcd",
};

const ETCD_SERVER: Profile = Profile {
    kind: CertificateKind::EtcdServer,
    phase: "etcd-server",
    base_name: "etcd/server",
    common_name: CommonName::NodeName,
    usages: BOTH,
    parent: Some(CertificateKind::EtcdCa),
    names: NameSource::EtcdServer,
    long_name: "certificate for serving etcd",
};

const ETCD_PEER: Profile = Profile {
    kind: CertificateKind::EtcdPeer,
    phase: "etcd-peer",
    base_name: "etcd/peer",
    common_name: CommonName::NodeName,
    usages: BOTH,
    parent: Some(CertificateKind::EtcdCa),
    names: NameSource::EtcdPeer,
    long_name: "certificate for etcd nodes to communicate with each other",
};

const ETCD_HEALTHCHECK_CLIENT: Profile = Profile {
    kind: CertificateKind::EtcdHealthcheckClient,
    phase: "etcd-healthcheck-client",
    base_name: "etcd/healthcheck-client",
    common_name: CommonName::Fixed("kube-etcd-healthcheck-client"),
    usages: CLIENT,
    parent: Some(CertificateKind::EtcdCa),
    names: NameSource::None,
    long_name: "certificate for liveness probes to healthcheck etcd",
};

const APISERVER_ETCD_CLIENT: Profile = Profile {
    kind: CertificateKind::ApiserverEtcdClient,
    phase: "apiserver-etcd-client",
    base_name: "apiserver-etcd-client",
    common_name: CommonName::Fixed("kube-apiserver-etcd-client"),
    usages: CLIENT,
    parent: Some(CertificateKind::EtcdCa),
    names: NameSource::None,
    long_name: "certificate the apiserver uses to access etcd",
};

#[cfg(test)]
mod tests;
