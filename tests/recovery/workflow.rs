//! The commands that are swept: a row each. A row's run must change nothing but files below its root, and ask nobody.

/// One command, and what is there before it.
pub struct Workflow {
    /// How the results name it.
    pub name: &'static str,
    /// Commands that were run before, in turn, on a root that holds nothing but [`CONFIG`].
    pub before: &'static [&'static [&'static str]],
    /// The command.
    pub command: &'static [&'static str],
    /// How many calls that change something it makes at least.
    pub calls: usize,
    /// Whether it makes again what a run before it has made, and not only what is missing.
    pub anew: bool,
}

/// Every phase of `init` that needs no more than files.
pub const INIT: Workflow = Workflow {
    name: "init, all that is files",
    before: &[],
    command: &["init", "--config", CONFIG_PATH, WITHOUT_CLUSTER],
    calls: 330,
    anew: false,
};

/// Single phases: they never resume, but their files are recovered all the same.
pub const CERTS: Workflow = Workflow {
    name: "init phase certs all",
    before: &[],
    command: &["init", "phase", "certs", "all", "--config", CONFIG_PATH],
    calls: 220,
    anew: false,
};

pub const KUBECONFIG: Workflow = Workflow {
    name: "init phase kubeconfig all",
    before: &[CERTS.command],
    command: &["init", "phase", "kubeconfig", "all", "--config", CONFIG_PATH],
    calls: 50,
    anew: false,
};

pub const CONTROL_PLANE: Workflow = Workflow {
    name: "init phase control-plane all",
    before: &[],
    command: &["init", "phase", "control-plane", "all", "--config", CONFIG_PATH],
    calls: 30,
    anew: false,
};

pub const ETCD: Workflow = Workflow {
    name: "init phase etcd local",
    before: &[],
    command: &["init", "phase", "etcd", "local", "--config", CONFIG_PATH],
    calls: 20,
    anew: false,
};

/// What stands there is replaced: a certificate and its key, or a kubeconfig, at a time.
pub const RENEW: Workflow = Workflow {
    name: "certs renew all",
    before: &[INIT.command],
    command: &["certs", "renew", "all", "--no-restart", "--config", CONFIG_PATH],
    calls: 100,
    anew: true,
};

/// What stands there goes, our own state too. etcd is asked on nodes only; here somebody else may have its address.
pub const RESET: Workflow = Workflow {
    name: "reset, all that is files",
    before: &[INIT.command],
    command: &["reset", "--force", "--skip-phases=remove-etcd-member"],
    calls: 50,
    anew: false,
};

/// Where the configuration is on the root.
const CONFIG_PATH: &str = "/cluster.yaml";

const WITHOUT_CLUSTER: &str = "--skip-phases=preflight,kubelet-start,wait-control-plane,upload-config,upload-certs,\
    mark-control-plane,bootstrap-token,kubelet-finalize,addon,show-join-command";

/// Fixes whatever would be looked up. Keys on curves are made at once.
pub const CONFIG: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 10.200.0.11
nodeRegistration:
  name: node1
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
encryptionAlgorithm: ECDSA-P256
";
