//! The configuration files that a lab's clusters are made with. What is true only of lab nodes is said here and nowhere
//! else.

use kubewright_config::ApiVersion;
use serde_json::{Value, json};

use crate::{SWITCH_ADDRESS, containerd::SOCKET, kubernetes::Kubernetes};

/// Whose reader a configuration file is for; it decides the API version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// kubewright, which reads the newest API whatever the cluster's version.
    Kubewright,
    /// kubeadm of the cluster's own version.
    Kubeadm,
}

/// What distinguishes one lab cluster's configuration from another's.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) reader: Reader,
    pub(crate) kubernetes: &'a Kubernetes,
    /// Whether several control planes stand behind the load balancer.
    pub(crate) balanced: bool,
    /// See [`crate::Cluster::draining`].
    pub(crate) draining: bool,
}

/// How long an API server that is to end says so at `/readyz` and serves all the same: longer than the load balancer takes to
/// hear of it. Kubelets before 1.22 start the next one meanwhile, which finds the port taken and ends; a second time costs it 10 s.
const DRAINING: &str = "1s";

/// How to join: what a control plane hands out.
#[derive(Clone)]
pub struct Ticket {
    /// Where the API is, without a scheme.
    pub endpoint: String,
    /// A bootstrap token.
    pub token: String,
    /// The pin of the cluster's authority.
    pub ca_hash: String,
    /// The key to the uploaded certificates, for another control plane.
    pub certificate_key: Option<String>,
}

impl Wanted<'_> {
    /// The file for `init` on the node of that name and address.
    pub(crate) fn init(&self, name: &str, address: &str) -> String {
        let version = self.kubernetes.version();
        let mut cluster = json!({
            "apiVersion": self.api(), "kind": "ClusterConfiguration", "kubernetesVersion": version.to_string(),
        });
        if self.balanced {
            cluster["controlPlaneEndpoint"] = json!(format!("{SWITCH_ADDRESS}:6443"));
        }
        if self.draining {
            cluster["apiServer"] = match self.api() {
                newest if newest == ApiVersion::V1beta4.group_version() => {
                    json!({"extraArgs": [{"name": "shutdown-delay-duration", "value": DRAINING}]})
                }
                _ => json!({"extraArgs": {"shutdown-delay-duration": DRAINING}}),
            };
        }
        if self.kubernetes.etcd_differs() {
            cluster["etcd"] = json!({"local": {"imageTag": self.kubernetes.etcd_tag()}});
        }
        let init = json!({
            "apiVersion": self.api(), "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": address}, "nodeRegistration": self.registration(name),
        });
        documents(&[init, cluster, kubelet(version.minor()), kube_proxy()])
    }

    /// The file for `join` on the node of that name and address.
    pub(crate) fn join(&self, name: &str, address: &str, ticket: &Ticket, control_plane: bool) -> String {
        let mut join = json!({
            "apiVersion": self.api(), "kind": "JoinConfiguration", "nodeRegistration": self.registration(name),
            "discovery": {"bootstrapToken": {
                "token": ticket.token, "apiServerEndpoint": ticket.endpoint, "caCertHashes": [ticket.ca_hash],
            }},
        });
        if control_plane {
            join["controlPlane"] = json!({"localAPIEndpoint": {"advertiseAddress": address}});
            if let Some(key) = &ticket.certificate_key {
                join["controlPlane"]["certificateKey"] = json!(key);
            }
        }
        documents(&[join])
    }

    fn registration(&self, name: &str) -> Value {
        let mut registration = json!({"name": name, "criSocket": SOCKET});
        if self.reader == Reader::Kubewright {
            // CoreDNS's image can be had from nowhere here; all others are on the node. Debian 12 has no crictl, which old
            // releases of kubeadm ask for.
            registration["ignorePreflightErrors"] = json!(["ImagePull", "FileExisting-crictl"]);
        }
        registration
    }

    fn api(&self) -> String {
        let version = match self.reader {
            Reader::Kubewright => ApiVersion::V1beta4,
            Reader::Kubeadm => self.kubernetes.facts().api.write,
        };
        version.group_version().to_owned()
    }
}

/// The kubelet of a lab node: no systemd that could own control groups, swap and a disk that fills are the machine's
/// business, images that it removes come from nowhere again, and from 1.31 a kubelet must be told that version 1 of control
/// groups will do.
fn kubelet(minor: u64) -> Value {
    let mut document = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs", "failSwapOn": false, "imageGCHighThresholdPercent": 100,
        "evictionHard": {"nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"},
    });
    if minor >= 31 {
        document["failCgroupV1"] = json!(false);
    }
    document
}

/// kube-proxy on a lab node: `nf_conntrack_max` is the machine's, and a namespace cannot raise it.
fn kube_proxy() -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
        "conntrack": {"maxPerCore": 0},
    })
}

/// A YAML stream of documents; JSON is YAML, too.
fn documents(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("---\n{document:#}\n")).collect()
}
