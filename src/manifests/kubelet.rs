//! The kubelet's files: its flags, its configuration, and what belongs to one node only.

use askama::Template;
use kubewright_config::facts::{NetworkPluginFlag, PauseFlag};
use kubewright_config::images::{self, Image};
use kubewright_config::model::{Arg, NodeRegistration};
use kubewright_config::{ClusterConfiguration, KubeletDoc, VersionFacts, yaml};
use serde_json::Value;

use crate::{ManifestError, args, render};

/// Gate that moves the runtime's endpoint from a flag to `instance-config.yaml`.
const INSTANCE_GATE: &str = "NodeLocalCRISocket";
/// Socket that stands for the Docker support inside old kubelets.
const DOCKER_SOCKET: &str = "/var/run/dockershim.sock";
/// Field of KubeletConfiguration that names the runtime.
const ENDPOINT_FIELD: &str = "containerRuntimeEndpoint";

/// Makes the whole file `kubeadm-flags.env`.
///
/// `register_taints` makes the kubelet set the node's taints itself, as a joining worker's does.
///
/// # Errors
/// Only where the template is broken.
pub fn flags_env(
    registration: &NodeRegistration,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    register_taints: bool,
) -> Result<String, ManifestError> {
    let defaults = defaults(registration, cluster, facts, register_taints);
    let flags = args::merge(defaults, &registration.kubelet_extra_args, facts.static_pod.user_arg_order);
    render::text("kubeadm-flags.env", &FlagsFile { args: quoted(&flags.join(" ")) })
}

/// Makes the file `instance-config.yaml`, where the version has one and its gate is on.
///
/// # Errors
/// Only where the template is broken.
pub fn instance_config(
    registration: &NodeRegistration,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
) -> Result<Option<String>, ManifestError> {
    if !Endpoint::of(cluster, facts).in_instance_config {
        return Ok(None);
    }
    render::text("instance-config.yaml", &InstanceConfig { endpoint: registration.cri_socket.clone() }).map(Some)
}

/// Makes this node's `config.yaml`: the shared document with what belongs to the node.
pub fn config(
    document: &KubeletDoc,
    registration: &NodeRegistration,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
) -> String {
    let mut value = document.with_node();
    if let (true, Value::Object(fields)) = (Endpoint::of(cluster, facts).in_instance_config, &mut value) {
        fields.insert(ENDPOINT_FIELD.to_owned(), Value::String(registration.cri_socket.clone()));
    }
    yaml::to_string(&value)
}

/// Where the runtime's endpoint is written.
struct Endpoint {
    in_flags: bool,
    in_instance_config: bool,
}

impl Endpoint {
    fn of(cluster: &ClusterConfiguration, facts: &VersionFacts) -> Self {
        match facts.kubelet.node_local_cri_socket_gate {
            Some(default) => {
                let on = cluster.feature_gate(INSTANCE_GATE, default);
                Self { in_flags: !on, in_instance_config: on }
            }
            None => Self { in_flags: facts.kubelet.endpoint_flag, in_instance_config: facts.kubelet.instance_config },
        }
    }
}

fn defaults(
    registration: &NodeRegistration,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    register_taints: bool,
) -> Vec<Arg> {
    let kubelet = &facts.kubelet;
    let socket = registration.cri_socket.as_str();
    let docker = kubelet.network_plugin_flag == NetworkPluginFlag::Docker
        && socket.strip_prefix("unix://").unwrap_or(socket) == DOCKER_SOCKET;
    let mut defaults = Vec::new();
    if docker {
        defaults.push(Arg::new("network-plugin", "cni"));
    } else {
        defaults.extend(kubelet.container_runtime_flag.iter().map(|value| Arg::new("container-runtime", value)));
        if Endpoint::of(cluster, facts).in_flags {
            defaults.push(Arg::new("container-runtime-endpoint", socket));
        }
    }
    let pause = match kubelet.pause_flag {
        PauseFlag::Docker => docker,
        PauseFlag::Always => true,
        PauseFlag::Never => false,
    };
    if pause {
        defaults.push(Arg::new("pod-infra-container-image", images::reference(Image::Pause, cluster, facts)));
    }
    defaults.extend(registration.hostname_override.iter().map(|name| Arg::new("hostname-override", name)));
    if register_taints && !registration.taints.is_empty() {
        let taints: Vec<String> = registration.taints.iter().map(ToString::to_string).collect();
        defaults.push(Arg::new("register-with-taints", taints.join(",")));
    }
    defaults
}

/// Quotes as Go's `%q` does, which is how kubeadm writes the file and reads it back.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\x0b' => quoted.push_str("\\v"),
            '\x0c' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            '\0'..='\x1f' | '\x7f' => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[derive(Template)]
#[template(path = "kubelet/kubeadm-flags.env", escape = "none")]
struct FlagsFile {
    args: String,
}

#[derive(Template)]
#[template(path = "kubelet/instance-config.yaml")]
struct InstanceConfig {
    endpoint: String,
}

#[cfg(test)]
mod tests;
