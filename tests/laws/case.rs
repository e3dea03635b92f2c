//! The configurations under which the laws are tried.

use std::net::Ipv4Addr;

use kubewright_config::{HostFacts, InitFlags, load_init};
use kubewright_engine::Seeds;
use kubewright_phases::options::InitOptions;

/// One configuration.
#[derive(Debug, Clone)]
pub struct Case {
    /// The version to install.
    pub version: String,
    /// Whether certificates are uploaded: with random bytes, so it never does the same thing twice.
    pub upload_certs: bool,
}

impl Case {
    /// What most users run.
    pub fn newest() -> Self {
        Self { version: "v1.36.2".into(), upload_certs: false }
    }

    /// The oldest that is supported: other labels, other API of the stored configuration, other ConfigMap names.
    pub fn oldest() -> Self {
        Self { version: "v1.20.2".into(), upload_certs: false }
    }

    /// With a phase whose outcome is random and leaves the node.
    pub fn uploading() -> Self {
        Self { version: "v1.36.2".into(), upload_certs: true }
    }

    /// Every one.
    pub fn all() -> [Self; 3] {
        [Self::newest(), Self::oldest(), Self::uploading()]
    }

    /// Whether an effect happens again although nothing changed, and why that must be.
    pub fn repeats(&self, phase: &str, effect: &str) -> bool {
        match (phase, effect) {
            // A kubelet that runs with older files than those on the disk is worse than a restart.
            ("kubelet-start", "restart service kubelet") => true,
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

/// What `init` knows before it begins.
pub fn seeds(case: &Case) -> Seeds {
    let text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\n\
         kind: InitConfiguration\n\
         bootstrapTokens:\n- token: abcdef.0123456789abcdef\n\
         nodeRegistration:\n  criSocket: unix:///var/run/containerd/containerd.sock\n\
         certificateKey: {key}\n\
         timeouts:\n  controlPlaneComponentHealthCheck: 2s\n  kubeletHealthCheck: 2s\n  kubernetesAPICall: 1s\n\
         ---\n\
         apiVersion: kubeadm.k8s.io/v1beta4\n\
         kind: ClusterConfiguration\n\
         kubernetesVersion: {version}\n\
         encryptionAlgorithm: ECDSA-P256\n\
         networking:\n  podSubnet: 10.244.0.0/16\n",
        key = "4f".repeat(32),
        version = case.version,
    );
    let host = HostFacts::with_address("node1", Ipv4Addr::new(192, 0, 2, 10).into());
    let mut random = |bytes: &mut [u8]| bytes.fill(7);
    let loaded = load_init(Some(("law.yaml", text.as_bytes())), &InitFlags::default(), &host, &mut random);
    let (init, _) = loaded.unwrap_or_else(|errors| panic!("the configuration of {case:?} is refused:\n{errors}"));
    Seeds::new()
        .with(init.init)
        .with(init.cluster)
        .with(init.kubelet)
        .with(init.kube_proxy)
        .with(init.facts)
        .with(InitOptions { upload_certs: case.upload_certs, ..InitOptions::default() })
}
