//! From a file or flags, and the machine's facts, to a checked configuration.

use crate::component::{self, KubeProxyDoc, KubeletDoc};
use crate::convert::{self, Machine};
use crate::error::{ConfigError, ConfigErrors, Warning, strictly};
use crate::facts::VersionFacts;
use crate::flags::{self, InitFlags};
use crate::host::HostFacts;
use crate::model::{ClusterConfiguration, InitConfiguration, JoinConfiguration, NodeRegistration};
use crate::sources::Sources;
use crate::validate::Check;
use crate::{versions, yaml};

/// Everything that `init` needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Init {
    /// Settings of this node and run.
    pub init: InitConfiguration,
    /// Settings of the cluster.
    pub cluster: ClusterConfiguration,
    /// The kubelet's configuration.
    pub kubelet: KubeletDoc,
    /// kube-proxy's configuration.
    pub kube_proxy: KubeProxyDoc,
    /// What depends on the version.
    pub facts: VersionFacts,
}

impl Init {
    /// Leaves out the addons whose phases are skipped, so that the stored configuration says so too.
    pub fn skip_addons<'a>(&mut self, skipped: impl IntoIterator<Item = &'a str>) {
        for phase in skipped {
            self.cluster.dns.disabled |= matches!(phase, "addon" | "addon/coredns");
            self.cluster.proxy.disabled |= matches!(phase, "addon" | "addon/kube-proxy");
        }
    }

    /// Returns the phases that the configuration leaves out on its own.
    pub fn disabled_phases(&self) -> Vec<&'static str> {
        let phases = [("addon/coredns", self.cluster.dns.disabled), ("addon/kube-proxy", self.cluster.proxy.disabled)];
        phases.into_iter().filter(|(_, disabled)| *disabled).map(|(phase, _)| phase).collect()
    }
}

/// Loads what `init` needs, from a file (its name and bytes) or from flags.
///
/// The machine is asked only for what nobody set. Random bytes make a bootstrap token where none is named.
///
/// # Errors
/// All faults at once, each with its field, and with its line if it came from the file.
pub fn load_init(
    file: Option<(&str, &[u8])>,
    flags: &InitFlags,
    host: &HostFacts,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<(Init, Vec<Warning>), ConfigErrors> {
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    let result = init(file.map(|(_, bytes)| bytes), flags, host, random, &mut errors, &mut warnings);
    if file.is_none() {
        for error in &mut errors {
            if let Some(flag) = flags::flag_of(&error.field) {
                let fix = error.hint.take().map(|hint| format!("; {hint}")).unwrap_or_default();
                error.hint = Some(format!("set by {flag}{fix}"));
            }
        }
    }
    finish(result, file.map(|(name, _)| name), errors, warnings)
}

fn finish<T>(
    result: Option<T>,
    file: Option<&str>,
    errors: Vec<ConfigError>,
    warnings: Vec<Warning>,
) -> Result<(T, Vec<Warning>), ConfigErrors> {
    match result {
        Some(loaded) if errors.is_empty() => Ok((loaded, warnings)),
        _ => Err(ConfigErrors { file: file.map(str::to_owned), errors }),
    }
}

fn init(
    file: Option<&[u8]>,
    flags: &InitFlags,
    host: &HostFacts,
    random: &mut dyn FnMut(&mut [u8]),
    errors: &mut Vec<ConfigError>,
    warnings: &mut Vec<Warning>,
) -> Option<Init> {
    let excluded = flags.excluded_by_config();
    if file.is_some() && !excluded.is_empty() {
        let names: Vec<String> = excluded.iter().map(|name| format!("--{name}")).collect();
        let reason = format!("--config excludes {}", names.join(", "));
        errors.push(ConfigError::document(reason).hint("set it in the file instead"));
        return None;
    }
    let documents = match file.map(yaml::documents).transpose() {
        Ok(documents) => documents.unwrap_or_default(),
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let sources = Sources::sort(&documents, errors, warnings);
    let (mut init_wire, cluster_wire) = match file {
        None => flags.documents(errors),
        Some(_) => {
            if sources.init.is_none() && sources.cluster.is_none() && errors.is_empty() {
                let hint = "its kinds are of kubeadm.k8s.io/v1beta4";
                let error = ConfigError::document("no InitConfiguration or ClusterConfiguration in the file");
                errors.push(error.hint(hint));
                // A kind that is only misspelt says more.
                if let Err(refused) = strictly(None, std::mem::take(warnings)) {
                    *errors = refused.errors;
                }
            }
            let timeout = sources.cluster_timeout();
            let mut init = sources.read_init(errors, warnings);
            // v1beta3 kept this timeout with the API server. Its default says nothing.
            if let Some(timeout) = timeout {
                let timeouts = init.timeouts.get_or_insert_default();
                timeouts.control_plane_component_health_check.get_or_insert(timeout);
            }
            (init, sources.read_cluster(errors, warnings))
        }
    };
    if !errors.is_empty() {
        return None;
    }
    if let Some(name) = &flags.node_name {
        name.clone_into(&mut init_wire.node_registration.name);
    }
    if let Some(dry_run) = flags.dry_run {
        init_wire.dry_run = dry_run;
    }
    let file_ignores = std::mem::take(&mut init_wire.node_registration.ignore_preflight_errors);

    let mut check = Check::new(sources.cluster);
    let cluster = convert::cluster(cluster_wire, init_wire.local_api_endpoint.bind_port, host, &mut check);
    let (cluster_errors, cluster_warnings) = (check.errors, check.warnings);
    let mut check = Check::new(sources.init);
    check.errors = cluster_errors;
    check.warnings = cluster_warnings;
    let facts = match &cluster {
        Some((_, facts)) => facts.clone(),
        // The other document's faults are worth telling in the same go.
        None => versions::facts_for(&versions::default_version()).ok()?,
    };
    let mut machine = Machine { host, detect_runtime: !flags.skip_cri_detection, random };
    let init = convert::init(init_wire, &facts, &mut machine, &mut check);
    let given = flags.ignore_preflight_errors.as_deref().unwrap_or_default();
    let ignored = convert::ignored_checks(file_ignores, given, &mut check);
    let loaded = match (init, cluster) {
        (Some(mut init), Some((cluster, facts))) => {
            init.node_registration.ignore_preflight_errors = ignored;
            if let Some(name) = &flags.node_name {
                rename(&mut init.node_registration, name, host);
            }
            let kubelet = component::kubelet(sources.kubelet, &cluster, &facts, host, &mut check);
            let kube_proxy = component::kube_proxy(sources.kube_proxy, &init, &cluster, &facts, &mut check);
            Some(Init { init, cluster, kubelet, kube_proxy, facts })
        }
        _ => None,
    };
    errors.append(&mut check.errors);
    warnings.append(&mut check.warnings);
    loaded
}

/// Applies `--node-name` as it stands: what was checked is its lower-case form, but kubeadm keeps the user's letters.
fn rename(node: &mut NodeRegistration, name: &str, host: &HostFacts) {
    name.clone_into(&mut node.name);
    node.hostname_override = (name != host.hostname.trim().to_lowercase()).then(|| name.to_owned());
}

/// Loads what `join` needs, from a file (its name and bytes), for a cluster of the given version.
///
/// # Errors
/// All faults at once, each with its field and line.
pub fn load_join(
    file: (&str, &[u8]),
    node_name: Option<&str>,
    host: &HostFacts,
    facts: &VersionFacts,
) -> Result<(JoinConfiguration, Vec<Warning>), ConfigErrors> {
    let (name, bytes) = file;
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    let result = join(bytes, node_name, host, facts, &mut errors, &mut warnings);
    finish(result, Some(name), errors, warnings)
}

fn join(
    bytes: &[u8],
    node_name: Option<&str>,
    host: &HostFacts,
    facts: &VersionFacts,
    errors: &mut Vec<ConfigError>,
    warnings: &mut Vec<Warning>,
) -> Option<JoinConfiguration> {
    let documents = yaml::documents(bytes).map_err(|error| errors.push(error)).ok()?;
    let sources = Sources::sort(&documents, errors, warnings);
    if sources.join.is_none() && errors.is_empty() {
        errors.push(
            ConfigError::document("no JoinConfiguration in the file").hint("its apiVersion is kubeadm.k8s.io/v1beta4"),
        );
    }
    let mut wire = sources.read_join(errors, warnings);
    if let Some(name) = node_name {
        name.clone_into(&mut wire.node_registration.name);
    }
    if !errors.is_empty() {
        return None;
    }
    let mut check = Check::new(sources.join);
    let machine = Machine { host, detect_runtime: true, random: &mut |_| {} };
    let mut join = convert::join(wire, facts, &machine, &mut check);
    if let (Some(join), Some(name)) = (&mut join, node_name) {
        rename(&mut join.node_registration, name, host);
    }
    errors.append(&mut check.errors);
    warnings.append(&mut check.warnings);
    join
}

/// Reads a ClusterConfiguration that a cluster stores, of any API version from v1beta2 on.
///
/// # Errors
/// All faults at once, each with its field and line.
pub fn stored_cluster(bytes: &[u8]) -> Result<(ClusterConfiguration, VersionFacts), ConfigErrors> {
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    let result = stored(bytes, &mut errors, &mut warnings);
    finish(result, Some("kubeadm-config"), errors, warnings).map(|(loaded, _)| loaded)
}

fn stored(
    bytes: &[u8],
    errors: &mut Vec<ConfigError>,
    warnings: &mut Vec<Warning>,
) -> Option<(ClusterConfiguration, VersionFacts)> {
    let documents = yaml::documents(bytes).map_err(|error| errors.push(error)).ok()?;
    let sources = Sources::sort_stored(&documents, errors, warnings);
    if sources.cluster.is_none() && errors.is_empty() {
        errors.push(
            ConfigError::document("no ClusterConfiguration in the document")
                .hint("look at the key ClusterConfiguration of kube-system/kubeadm-config"),
        );
    }
    let wire = sources.read_cluster(errors, warnings);
    if !errors.is_empty() {
        return None;
    }
    let mut check = Check::new(sources.cluster);
    let cluster = convert::cluster(wire, 0, &HostFacts::default(), &mut check);
    errors.append(&mut check.errors);
    cluster
}

#[cfg(test)]
pub(crate) mod tests;
