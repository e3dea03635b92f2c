//! `config print`: the defaults of a command, with placeholders for what depends on the machine.

use std::fmt;
use std::str::FromStr;

use crate::convert::{self, Machine};
use crate::facts::{ApiVersion, VersionFacts};
use crate::flags::InitFlags;
use crate::host::HostFacts;
use crate::load::{self, Told};
use crate::sources::Sources;
use crate::validate::{Check, PLACEHOLDER};
use crate::version::KubernetesVersion;
use crate::wire::Wire;
use crate::{v1beta2, v1beta4, write, yaml};

/// Whose defaults are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defaults {
    /// Those of `init`: InitConfiguration and ClusterConfiguration.
    Init,
    /// Those of `join`.
    Join,
    /// Those of `reset`.
    Reset,
    /// Those of the commands `upgrade …`.
    Upgrade,
}

/// A component whose configuration is printed along with the defaults of `init`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComponentKind {
    /// `KubeProxyConfiguration`.
    KubeProxyConfiguration,
    /// `KubeletConfiguration`.
    KubeletConfiguration,
}

impl ComponentKind {
    /// Every kind, in the order in which messages list them.
    pub const ALL: [Self; 2] = [Self::KubeProxyConfiguration, Self::KubeletConfiguration];

    /// Returns the kind's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KubeProxyConfiguration => "KubeProxyConfiguration",
            Self::KubeletConfiguration => "KubeletConfiguration",
        }
    }
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No component's configuration has the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--component-configs needs to contain some of [KubeProxyConfiguration KubeletConfiguration], not `{name}`")]
pub struct UnknownComponent {
    /// The name.
    pub name: String,
}

impl FromStr for ComponentKind {
    type Err = UnknownComponent;

    fn from_str(name: &str) -> Result<Self, UnknownComponent> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or_else(|| UnknownComponent { name: name.to_owned() })
    }
}

/// A token that looks like one and is none.
const TOKEN: &str = "abcdef.0123456789abcdef";

/// Writes the defaults of a command in the API version that the Kubernetes version's own kubeadm writes.
///
/// `join` prints the name of the machine. The version is the first release of its minor, as kubeadm has it.
pub fn print_defaults(of: Defaults, components: &[ComponentKind], hostname: &str, facts: &VersionFacts) -> String {
    let host = HostFacts { hostname: hostname.to_owned(), ..HostFacts::default() };
    let mut machine = Machine { host: &host, detect_runtime: false, needs_address: false, random: &mut |_| {} };
    let mut check = Check::new(None);
    let parts = match of {
        Defaults::Init => init(components, facts, &mut machine),
        Defaults::Join => vec![join(facts, &mut machine)],
        Defaults::Reset => {
            let reset = convert::reset(v1beta4::ResetConfiguration::default(), facts, &machine, &mut check);
            vec![write::document(write::reset(&reset).write(), ApiVersion::V1beta4, "ResetConfiguration")]
        }
        Defaults::Upgrade => {
            let upgrade = convert::upgrade(v1beta4::UpgradeConfiguration::default(), &mut check);
            vec![write::document(write::upgrade(&upgrade).write(), ApiVersion::V1beta4, "UpgradeConfiguration")]
        }
    };
    parts.join("---\n")
}

fn init(components: &[ComponentKind], facts: &VersionFacts, machine: &mut Machine<'_>) -> Vec<String> {
    let api = facts.api.write;
    let name = if api > ApiVersion::V1beta2 { "node" } else { &machine.host.hostname };
    let init = v1beta4::InitConfiguration {
        bootstrap_tokens: vec![v1beta4::BootstrapToken { token: TOKEN.to_owned().into(), ..Default::default() }],
        node_registration: v1beta4::NodeRegistrationOptions { name: name.to_owned(), ..Default::default() },
        local_api_endpoint: v1beta4::ApiEndpoint { advertise_address: PLACEHOLDER.to_string(), bind_port: 0 },
        ..Default::default()
    };
    let first = KubernetesVersion::new(1, facts.version.minor(), 0).to_string();
    let cluster = v1beta4::ClusterConfiguration { kubernetes_version: first.clone(), ..Default::default() };
    let flags = InitFlags { skip_cri_detection: true, ..InitFlags::default() };
    let loaded = load::init_from(&Sources::default(), init, cluster, &flags, machine, &mut Told::default());
    let loaded = loaded.expect("a test prints the defaults of every version");
    let mut init = write::init(&loaded.init);
    let mut cluster = write::cluster(&loaded.cluster);
    if api > ApiVersion::V1beta2 {
        // The taint is set once the node is known to be one of the control plane, and the version is that of the
        // program, which is written without the letter.
        init.node_registration.taints = None;
        cluster.kubernetes_version.remove(0);
    }
    let (init, cluster) = match api {
        ApiVersion::V1beta4 => (init.write(), cluster.write()),
        ApiVersion::V1beta3 => (write::old::init(init).write(), write::old::cluster(cluster).write()),
        ApiVersion::V1beta2 | ApiVersion::V1beta1 => {
            let mut init = write::old::init(init);
            init.node_registration.image_pull_policy.clear();
            (init.write(), v1beta2::ClusterConfiguration::from(write::old::cluster(cluster)).write())
        }
    };
    let documents = [(init, "InitConfiguration"), (cluster, "ClusterConfiguration")];
    let mut parts: Vec<String> =
        documents.into_iter().map(|(document, kind)| write::document(document, api, kind)).collect();
    parts.extend(components.iter().map(|component| match component {
        ComponentKind::KubeletConfiguration => yaml::to_string(&loaded.kubelet.document),
        ComponentKind::KubeProxyConfiguration => yaml::to_string(&loaded.kube_proxy.document),
    }));
    parts
}

fn join(facts: &VersionFacts, machine: &mut Machine<'_>) -> String {
    let discovery = v1beta4::BootstrapTokenDiscovery {
        token: TOKEN.to_owned().into(),
        api_server_endpoint: "kube-apiserver:6443".to_owned(),
        ca_cert_hashes: Vec::new(),
        unsafe_skip_ca_verification: true,
    };
    let wire = v1beta4::JoinConfiguration {
        discovery: v1beta4::Discovery { bootstrap_token: Some(discovery), ..Default::default() },
        ..Default::default()
    };
    let join = convert::join(wire, facts, machine, &mut Check::new(None));
    let mut join = write::join(&join.expect("a test prints the defaults of every version"));
    join.node_registration.taints = None;
    let api = facts.api.write;
    let value = match api {
        ApiVersion::V1beta4 => join.write(),
        ApiVersion::V1beta3 => write::old::join(join).write(),
        ApiVersion::V1beta2 | ApiVersion::V1beta1 => {
            let mut join = write::old::join(join);
            join.node_registration.image_pull_policy.clear();
            join.write()
        }
    };
    write::document(value, api, "JoinConfiguration")
}

#[cfg(test)]
mod tests;
