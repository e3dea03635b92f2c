//! The configurations under which the laws are tried.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kubewright_config::{HostFacts, Init, InitFlags, load_init};
use kubewright_engine::{Seeds, Workflow};
use kubewright_node::Node;
use kubewright_phases::options::InitOptions;

use super::snapshot::Entry;
use super::{external_ca, joining, renewing};
use crate::graph;

/// Where the external etcd is.
pub const EXTERNAL_ETCD: &str = "https://192.0.2.20:2379";

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `init`.
    Init,
    /// `join` of a worker.
    JoinWorker,
    /// `join` of a further control plane.
    JoinControlPlane,
    /// `certs renew all --if-expires-within 30d`.
    Renew,
}

/// What is special about a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Nothing.
    Plain,
    /// Somebody else runs etcd, with TLS.
    ExternalEtcd,
    /// The authorities' keys are kept elsewhere; what they had to sign is there.
    ExternalCa,
    /// Keys on another curve than the others'.
    Ecdsa,
    /// Every address is IPv6.
    Ipv6,
    /// Static pods run as users of their own. Only root can give them their files.
    Rootless,
}

/// One configuration.
#[derive(Debug, Clone)]
pub struct Case {
    /// What is run.
    pub command: Command,
    /// The version to install.
    pub version: String,
    /// Whether certificates are uploaded: with random bytes, so it never does the same thing twice. For who joins: whether
    /// they were, and are fetched with their key.
    pub upload_certs: bool,
    /// What is special about it.
    pub shape: Shape,
}

impl Case {
    /// What most users run.
    pub fn newest() -> Self {
        Self { command: Command::Init, version: "v1.36.2".into(), upload_certs: false, shape: Shape::Plain }
    }

    /// The oldest that is supported: other labels, other API of the stored configuration, other ConfigMap names.
    pub fn oldest() -> Self {
        Self { version: "v1.20.2".into(), ..Self::newest() }
    }

    /// With a phase whose outcome is random and leaves the node.
    pub fn uploading() -> Self {
        Self { upload_certs: true, ..Self::newest() }
    }

    /// The newest version with something special.
    pub fn shaped(shape: Shape) -> Self {
        Self { shape, upload_certs: shape == Shape::ExternalEtcd, ..Self::newest() }
    }

    /// Every one, of `init`, of `join` and of `certs renew`.
    pub fn every() -> Vec<Self> {
        Self::all().into_iter().chain(joining::cases()).chain(renewing::cases()).collect()
    }

    /// The graph of its command.
    pub fn workflow(&self) -> Workflow<Node> {
        match self.command {
            Command::Init => graph::init(),
            Command::JoinWorker | Command::JoinControlPlane => graph::join(),
            Command::Renew => graph::renew(),
        }
    }

    /// Every one of `init`.
    pub fn all() -> Vec<Self> {
        let shapes = [Shape::ExternalEtcd, Shape::ExternalCa, Shape::Ecdsa, Shape::Ipv6, Shape::Rootless];
        let shapes = shapes.into_iter().filter(|shape| *shape != Shape::Rootless || is_root());
        [Self::newest(), Self::oldest(), Self::uploading()].into_iter().chain(shapes.map(Self::shaped)).collect()
    }

    /// What stands on the machine before anything runs, parents before what is in them.
    pub fn provided(&self) -> Vec<(String, Entry)> {
        match self.command {
            Command::Init => {}
            Command::JoinWorker | Command::JoinControlPlane => return joining::provided(self),
            Command::Renew => return renewing::provided(self),
        }
        match self.shape {
            Shape::ExternalCa => external_ca::provided().clone(),
            Shape::ExternalEtcd => {
                let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
                let directory = ("/etc/etcd".to_owned(), Entry::Directory { mode: 0o755, owner });
                let files = ["ca.crt", "client.crt", "client.key"].map(|name| {
                    let bytes = name.as_bytes().into();
                    (format!("/etc/etcd/{name}"), Entry::File { mode: 0o600, owner, bytes })
                });
                std::iter::once(directory).chain(files).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether an effect happens again although nothing changed, and why that must be.
    pub fn repeats(&self, phase: &str, effect: &str) -> bool {
        match (phase, effect) {
            // Nothing of a renewal happens twice.
            _ if self.command == Command::Renew => false,
            // A kubelet that runs with older files than those on the disk is worse than a restart.
            ("kubelet-start", "restart service kubelet") => true,
            // A second whole `join` stops at its checks on a real machine, which find `kubelet.conf`; here they do not see it.
            ("kubelet-start", "stop service kubelet" | "write /etc/kubernetes/bootstrap-kubelet.conf") => {
                self.command != Command::Init
            }
            ("kubelet-wait-bootstrap", "remove /etc/kubernetes/bootstrap-kubelet.conf") => true,
            // The file may be there because a run was killed after it was written and before the restart.
            ("kubelet-finalize/enable-client-cert-rotation", "restart service kubelet") => true,
            // Encrypted with a new nonce, for two hours from now on, by a token of its own.
            ("upload-certs", effect) => {
                self.upload_certs
                    && (effect == "apply Secret kube-system/kubeadm-certs"
                        || effect.starts_with("apply Secret kube-system/bootstrap-token-"))
            }
            _ => false,
        }
    }

    /// Whether the phase has such an effect.
    pub fn never_idle(&self, phase: &str) -> bool {
        self.repeats(phase, "restart service kubelet") || self.repeats(phase, "apply Secret kube-system/kubeadm-certs")
    }
}

/// Whether we may give files away.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What the command knows before it begins.
pub fn seeds(case: &Case) -> Seeds {
    match case.command {
        Command::Init => {}
        Command::JoinWorker | Command::JoinControlPlane => return joining::seeds(case),
        Command::Renew => return renewing::seeds(case),
    }
    let init = init(case);
    Seeds::new()
        .with(init.init)
        .with(init.cluster)
        .with(init.kubelet)
        .with(init.kube_proxy)
        .with(init.facts)
        .with(InitOptions { upload_certs: case.upload_certs, ..InitOptions::default() })
}

/// The cluster that the case makes, or that is there to be joined.
pub fn init(case: &Case) -> Init {
    let cluster = match case.shape {
        Shape::ExternalEtcd => {
            "encryptionAlgorithm: ECDSA-P256\nnetworking:\n  podSubnet: 10.244.0.0/16\n\
             etcd:\n  external:\n    endpoints: [https://192.0.2.20:2379]\n    caFile: /etc/etcd/ca.crt\n    \
             certFile: /etc/etcd/client.crt\n    keyFile: /etc/etcd/client.key\n"
        }
        Shape::Ecdsa => "encryptionAlgorithm: ECDSA-P384\nnetworking:\n  podSubnet: 10.244.0.0/16\n",
        Shape::Ipv6 => {
            "encryptionAlgorithm: ECDSA-P256\n\
             networking:\n  podSubnet: fd00:10:244::/56\n  serviceSubnet: fd00:10:96::/112\n"
        }
        Shape::Rootless => {
            "encryptionAlgorithm: ECDSA-P256\nnetworking:\n  podSubnet: 10.244.0.0/16\n\
             featureGates:\n  RootlessControlPlane: true\n"
        }
        // What old clusters store has no field for it; who joins one would make RSA keys, and take ten times as long.
        Shape::Plain if case.version == Case::oldest().version => {
            "networking:\n  podSubnet: 10.244.0.0/16\nfeatureGates:\n  PublicKeysECDSA: true\n"
        }
        Shape::Plain | Shape::ExternalCa => {
            "encryptionAlgorithm: ECDSA-P256\nnetworking:\n  podSubnet: 10.244.0.0/16\n"
        }
    };
    // Only a cluster with an address of its own takes further control planes.
    let endpoint = match case.command {
        Command::Init | Command::Renew => "",
        Command::JoinWorker | Command::JoinControlPlane => "controlPlaneEndpoint: 192.0.2.1:6443\n",
    };
    let text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\n\
         kind: InitConfiguration\n\
         bootstrapTokens:\n- token: abcdef.0123456789abcdef\n\
         nodeRegistration:\n  criSocket: unix:///var/run/containerd/containerd.sock\n  \
         ignorePreflightErrors: [ExternalEtcdVersion]\n\
         certificateKey: {key}\n\
         timeouts:\n  controlPlaneComponentHealthCheck: 2s\n  kubeletHealthCheck: 2s\n  kubernetesAPICall: 1s\n\
         ---\n\
         apiVersion: kubeadm.k8s.io/v1beta4\n\
         kind: ClusterConfiguration\n\
         kubernetesVersion: {version}\n\
         {endpoint}{cluster}",
        key = "4f".repeat(32),
        version = case.version,
    );
    let address: IpAddr = match case.shape {
        Shape::Ipv6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x10).into(),
        _ => Ipv4Addr::new(192, 0, 2, 10).into(),
    };
    let host = HostFacts::with_address("node1", address);
    let mut random = |bytes: &mut [u8]| bytes.fill(7);
    let loaded = load_init(Some(("law.yaml", text.as_bytes())), &InitFlags::default(), &host, &mut random);
    let (init, _) = loaded.unwrap_or_else(|errors| panic!("the configuration of {case:?} is refused:\n{errors}"));
    init
}
