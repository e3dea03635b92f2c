//! The static pods that an upgrade would write on this node, for looking: nothing is changed.

use kubewright_config::model::{ApiEndpoint, NodeRegistration, Timeouts};
use kubewright_manifests::{ControlPlaneNode, StaticPod};
use kubewright_node::ProbeBackend;

use super::{OwnNode, ReadFile};
use crate::component::etcd_again;
use crate::patching::patch_pod_silently;
use crate::prelude::*;
use crate::rootless::as_own_user;

/// What the pods hang on.
pub struct Rendering<'a> {
    /// This node's settings.
    pub init: &'a InitConfiguration,
    /// The cluster's configuration, in the version that it is to have.
    pub cluster: &'a ClusterConfiguration,
    /// What depends on that version.
    pub facts: &'a VersionFacts,
    /// Proxy variables of our environment.
    pub proxy_environment: &'a [(String, String)],
    /// Looks at the machine.
    pub probe: &'a dyn ProbeBackend,
    /// Reads its files.
    pub read: ReadFile<'a>,
}

impl Rendering<'_> {
    /// The pods in the order of an upgrade, with the user's patches.
    ///
    /// # Errors
    /// A patch does not fit, or a file that decides about a pod cannot be read.
    pub fn pods(&self, etcd: bool) -> Result<Vec<StaticPod>, Failure> {
        let Self { init, cluster, facts, proxy_environment, probe, read } = self;
        let candidates = &facts.static_pod.ca_mount_candidates;
        let directories: Vec<_> = candidates.iter().filter(|path| probe.list(path).is_some()).cloned().collect();
        let keyless = read(&cluster.certificate_path("ca.key"))?.is_none();
        let external_ca = keyless && read(&cluster.certificate_path("ca.crt"))?.is_some();
        let node = ControlPlaneNode {
            ca_directories: &directories,
            proxy_environment,
            external_ca,
            ..ControlPlaneNode::of_init(init, cluster, facts)
        };
        let mut pods = Vec::new();
        if etcd && cluster.etcd.local().is_some() {
            pods.push(etcd_again(&node, read(&paths::static_pod("etcd"))?.as_ref())?);
        }
        pods.push(kubewright_manifests::kube_apiserver(&node)?);
        pods.push(kubewright_manifests::kube_controller_manager(&node)?);
        pods.push(kubewright_manifests::kube_scheduler(&node)?);
        let finish = |pod| {
            let pod = as_own_user(pod, cluster, facts, *read)?;
            patch_pod_silently(pod, init, facts, *probe)
        };
        pods.into_iter().map(finish).collect()
    }
}

impl OwnNode {
    /// This node's settings as `init` has them. A worker has no API server; its endpoint stands for none.
    pub fn as_init(&self, timeouts: &Timeouts, patches_directory: Option<Utf8PathBuf>) -> InitConfiguration {
        let none = ApiEndpoint { advertise_address: [0, 0, 0, 0].into(), bind_port: 6443 };
        InitConfiguration {
            bootstrap_tokens: Vec::new(),
            dry_run: false,
            node_registration: NodeRegistration {
                name: self.name.clone(),
                cri_socket: self.cri_socket.clone(),
                taints: self.taints.clone(),
                kubelet_extra_args: Vec::new(),
                ignore_preflight_errors: Vec::new(),
                image_pull_policy: Default::default(),
                image_pull_serial: true,
                hostname_override: None,
            },
            local_api_endpoint: self.endpoint.unwrap_or(none),
            certificate_key: None,
            skip_phases: Vec::new(),
            patches_directory,
            timeouts: timeouts.clone(),
        }
    }
}
