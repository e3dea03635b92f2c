//! What all static pods share: their input, their parts, and the way to a file.

use std::time::Duration;

use askama::Template;
use camino::Utf8PathBuf;
use kubewright_config::images::{self, Image};
use kubewright_config::model::{ApiEndpoint, Arg, ControlPlaneComponent};
use kubewright_config::{ClusterConfiguration, InitConfiguration, VersionFacts, yaml};
use serde_json::json;

use crate::environment::{self, Variable};
use crate::mounts::{Mount, Mounts};
use crate::probes::Probes;
use crate::{ManifestError, args, render};

/// Directory of the control plane's kubeconfig files. It is fixed, wherever the certificates are.
pub(crate) const KUBERNETES_DIR: &str = "/etc/kubernetes";

/// A file for the kubelet's manifests directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticPod {
    /// Name of the component and of the pod, such as `kube-apiserver`.
    pub name: &'static str,
    /// The manifest in kubeadm's form.
    pub yaml: String,
}

impl StaticPod {
    /// Returns the name of its file.
    pub fn file_name(&self) -> String {
        format!("{}.yaml", self.name)
    }
}

/// Whom the containers of a pod run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAs {
    /// The user's id.
    pub user: u32,
    /// The group's id.
    pub group: u32,
    /// A further group that it is in.
    pub supplemental_group: Option<u32>,
}

impl StaticPod {
    /// The same pod without root and without capabilities.
    ///
    /// # Errors
    /// It holds no pod with a container: a fault of the template.
    pub fn run_as(self, who: &RunAs) -> Result<Self, ManifestError> {
        let shape = |reason: &str| ManifestError::Shape { what: self.name, reason: reason.to_owned() };
        let mut pod = yaml::document(self.yaml.as_bytes()).map_err(|error| shape(&error.to_string()))?.value().clone();
        let container = pod.pointer_mut("/spec/containers/0").ok_or_else(|| shape("no container"))?;
        // kube-apiserver's file has the capability to bind low ports, and cannot be started without it.
        container["securityContext"] = match self.name {
            "kube-apiserver" => json!({"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}),
            _ => json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}),
        };
        let context = &mut pod["spec"]["securityContext"];
        context["runAsUser"] = who.user.into();
        context["runAsGroup"] = who.group.into();
        if let Some(group) = who.supplemental_group {
            context["supplementalGroups"] = json!([group]);
        }
        Ok(Self { name: self.name, yaml: yaml::to_string(&pod) })
    }
}

/// What static pods depend on: the cluster's settings, this node's address, and what its host has.
#[derive(Debug, Clone, Copy)]
pub struct ControlPlaneNode<'a> {
    /// Settings of the cluster.
    pub cluster: &'a ClusterConfiguration,
    /// Facts of its version.
    pub facts: &'a VersionFacts,
    /// Name of the node, and of its etcd member.
    pub node_name: &'a str,
    /// Where this node's API server listens.
    pub endpoint: ApiEndpoint,
    /// How long a component may take to start.
    pub health_check: Duration,
    /// Those of the version's `ca_mount_candidates` that exist on this host.
    pub ca_directories: &'a [Utf8PathBuf],
    /// The host's proxy variables.
    pub proxy_environment: &'a [(String, String)],
    /// Whether the authority's key is kept elsewhere, so that nothing here can sign.
    pub external_ca: bool,
}

impl<'a> ControlPlaneNode<'a> {
    /// Takes the node's part from `init`'s settings; the host has no further directories and no proxy yet.
    pub fn of_init(init: &'a InitConfiguration, cluster: &'a ClusterConfiguration, facts: &'a VersionFacts) -> Self {
        Self {
            cluster,
            facts,
            node_name: &init.node_registration.name,
            endpoint: init.local_api_endpoint,
            health_check: init.timeouts.control_plane_component_health_check,
            ca_directories: &[],
            proxy_environment: &[],
            external_ca: false,
        }
    }

    /// Returns the path of one of the cluster's certificates or keys.
    pub(crate) fn pki(&self, relative: &str) -> String {
        self.cluster.certificate_path(relative).into_string()
    }

    /// Returns the gate that dual-stack needs in versions that do not have it on.
    ///
    /// kubeadm writes it if the user set its own gate; two subnets without that gate would give a broken cluster, so
    /// here they switch it on.
    pub(crate) fn dual_stack_args(&self) -> Option<Arg> {
        const GATE: &str = "IPv6DualStack";
        let networking = &self.cluster.networking;
        let dual = networking.service_subnet.dual_stack()
            || networking.pod_subnet.as_ref().is_some_and(|subnets| subnets.dual_stack());
        let wanted = self.cluster.feature_gates.get(GATE).copied().or(dual.then_some(true));
        let on = wanted.filter(|_| self.facts.api_server.dual_stack_gate)?;
        Some(Arg::new("feature-gates", format!("{GATE}={on}")))
    }

    /// Collects what every pod has; `user` are the component's extras.
    pub(crate) fn parts(
        &self,
        image: Image,
        command: Vec<String>,
        env: Vec<Variable>,
        mounts: Vec<Mount>,
        probes: Probes,
    ) -> Parts {
        let facts = &self.facts.static_pod;
        Parts {
            image: images::reference(image, self.cluster, self.facts),
            command,
            env,
            volumes: mounts.clone(),
            mounts,
            probes,
            priority: facts.priority.map(|priority| priority.to_string()),
            seccomp: facts.seccomp_runtime_default,
            creation_timestamp: facts.creation_timestamp,
        }
    }

    /// Collects the parts of a component that takes the common extras.
    pub(crate) fn component(
        &self,
        image: Image,
        defaults: Vec<Arg>,
        extras: &ControlPlaneComponent,
        mounts: Mounts,
        probes: Probes,
    ) -> Parts {
        let command = args::merge(defaults, &extras.extra_args, self.facts.static_pod.user_arg_order);
        let env = environment::merge(self.proxy_environment, &extras.extra_envs);
        self.parts(image, command, env, mounts.extra(&extras.extra_volumes).into_sorted(), probes)
    }
}

/// What the templates of all pods print.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) image: String,
    /// Flags, without the binary.
    pub(crate) command: Vec<String>,
    pub(crate) env: Vec<Variable>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) volumes: Vec<Mount>,
    pub(crate) probes: Probes,
    pub(crate) priority: Option<String>,
    pub(crate) seccomp: bool,
    pub(crate) creation_timestamp: bool,
}

/// Fills a pod's template and writes it in kubeadm's form.
pub(crate) fn write(name: &'static str, template: &impl Template) -> Result<StaticPod, ManifestError> {
    let pod = render::document(name, template, render::expect("v1", "Pod", name))?;
    Ok(StaticPod { name, yaml: yaml::to_string(&pod) })
}

#[cfg(test)]
mod tests;
