//! From a file or flags, and the machine's facts, to a checked configuration.

use crate::component::{self, KubeProxyDoc, KubeletDoc};
use crate::convert::{self, Machine};
use crate::error::{ConfigError, ConfigErrors, Warning, strictly};
use crate::facts::VersionFacts;
use crate::flags::{self, InitFlags};
use crate::host::HostFacts;
use crate::join_flags::{self, JoinFlags};
use crate::model::{
    ClusterConfiguration, InitConfiguration, JoinConfiguration, NodeRegistration, ResetConfiguration,
    UpgradeConfiguration,
};
use crate::reading::Reading;
use crate::reset_flags::{self, ResetFlags};
use crate::sources::{Audience, Kind, Sources};
use crate::upgrade_flags::{self, UpgradeFlags};
use crate::v1beta4;
use crate::validate::{self, Check};
use crate::{images, versions, yaml};

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
    let mut machine = Machine { host, detect_runtime: !flags.skip_cri_detection, needs_address: true, random };
    let mut told = Told::default();
    let result = match file {
        Some((_, bytes)) => init_from_file(bytes, flags, &mut machine, &mut told),
        None => {
            let (init, cluster) = flags.documents(&mut told.errors);
            let loaded = told
                .errors
                .is_empty()
                .then(|| init_from(&Sources::default(), init, cluster, flags, &mut machine, &mut told));
            told.name_flags(flags::flag_of);
            loaded.flatten()
        }
    };
    told.finish(result, file.map(|(name, _)| name), flags.strict)
}

/// What was found while reading.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub errors: Vec<ConfigError>,
    pub warnings: Vec<Warning>,
}

impl Told {
    /// Names the flag of each field that a fault is about, where there is no file; not where the fix does already.
    fn name_flags(&mut self, flag_of: fn(&str) -> Option<&'static str>) {
        for error in &mut self.errors {
            let Some(flag) = flag_of(&error.field) else { continue };
            error.hint = Some(match error.hint.take() {
                Some(fix) if fix.contains(flag) => fix,
                Some(fix) => format!("set by {flag}; {fix}"),
                None => format!("set by {flag}"),
            });
        }
    }

    /// Takes over what was found in a document.
    pub fn take(&mut self, check: Check<'_>) {
        self.errors.extend(check.errors);
        self.warnings.extend(check.warnings);
    }

    /// Returns what was loaded with its warnings, or all faults in the order of the file.
    pub fn finish<T>(
        mut self,
        result: Option<T>,
        file: Option<&str>,
        strict: bool,
    ) -> Result<(T, Vec<Warning>), ConfigErrors> {
        if strict {
            match strictly(std::mem::take(&mut self.warnings)) {
                Ok(warnings) => self.warnings = warnings,
                Err(refused) => {
                    self.errors.extend(refused);
                    self.errors.sort_by_key(|error| error.line);
                }
            }
        }
        match result {
            Some(loaded) if self.errors.is_empty() => Ok((loaded, self.warnings)),
            _ => Err(ConfigErrors { file: file.map(str::to_owned), errors: self.errors }),
        }
    }
}

fn init_from_file(bytes: &[u8], flags: &InitFlags, machine: &mut Machine<'_>, told: &mut Told) -> Option<Init> {
    let excluded = flags.excluded_by_config();
    if !excluded.is_empty() {
        let names: Vec<String> = excluded.iter().map(|name| format!("--{name}")).collect();
        let reason = format!("--config excludes {}", names.join(", "));
        told.errors.push(ConfigError::document(reason).hint("set it in the file instead"));
        return None;
    }
    let documents = yaml::documents(bytes).map_err(|error| told.errors.push(error)).ok()?;
    let sources = Sources::sort(&documents, Audience::Init, flags.reading(), &mut told.errors, &mut told.warnings);
    if !sources.has(Kind::Init) && !sources.has(Kind::Cluster) {
        let error = ConfigError::document("no InitConfiguration or ClusterConfiguration in the file");
        told.missing(error.hint("its kinds are of kubeadm.k8s.io/v1beta4"));
    }
    let init = sources.read_init(&mut told.errors, &mut told.warnings);
    let cluster = sources.read_cluster(&mut told.errors, &mut told.warnings);
    told.errors.is_empty().then(|| init_from(&sources, init, cluster, flags, machine, told)).flatten()
}

impl Told {
    /// Notes that the one document is missing, unless something else explains it better.
    pub fn missing(&mut self, error: ConfigError) {
        if !self.errors.is_empty() {
            return;
        }
        // A kind that is only misspelt says more.
        match strictly(std::mem::take(&mut self.warnings)) {
            Err(refused) => self.errors = refused,
            Ok(warnings) => {
                self.warnings = warnings;
                self.errors.push(error);
            }
        }
    }
}

/// Converts documents that were read without a fault.
pub(crate) fn init_from(
    sources: &Sources<'_>,
    mut init_wire: v1beta4::InitConfiguration,
    cluster_wire: v1beta4::ClusterConfiguration,
    flags: &InitFlags,
    machine: &mut Machine<'_>,
    told: &mut Told,
) -> Option<Init> {
    let host = machine.host;
    if let Some(name) = &flags.node_name {
        name.clone_into(&mut init_wire.node_registration.name);
    }
    if let Some(dry_run) = flags.dry_run {
        init_wire.dry_run = dry_run;
    }
    let file_ignores = std::mem::take(&mut init_wire.node_registration.ignore_preflight_errors);

    let mut check = Check::new(sources.document(Kind::Cluster));
    let cluster = convert::cluster(cluster_wire, init_wire.local_api_endpoint.bind_port, &mut check);
    told.take(check);
    let fallback;
    let facts = match &cluster {
        Some((_, facts)) => facts,
        // The other document's faults are worth telling in the same go.
        None => {
            fallback = versions::facts_for(&versions::default_version()).ok()?;
            &fallback
        }
    };
    let mut check = Check::new(sources.document(Kind::Init));
    let init = convert::init(init_wire, facts, machine, &mut check);
    let given = flags.ignore_preflight_errors.as_deref().unwrap_or_default();
    let ignored = convert::ignored_checks(file_ignores, given, &mut check);
    let loaded = match (init, cluster) {
        (Some(mut init), Some((cluster, facts))) => {
            init.node_registration.ignore_preflight_errors = ignored;
            if let Some(name) = &flags.node_name {
                rename(&mut init.node_registration, name, host);
            }
            told.take(check);
            check = Check::new(sources.kubelet);
            let kubelet = component::kubelet(&cluster, &facts, host, &mut check);
            told.take(check);
            check = Check::new(sources.kube_proxy);
            let kube_proxy = component::kube_proxy(init.local_api_endpoint, &cluster, &facts, &mut check);
            Some(Init { init, cluster, kubelet, kube_proxy, facts })
        }
        _ => None,
    };
    told.take(check);
    loaded
}

/// Applies `--node-name` as it stands: what was checked is its lower-case form, but kubeadm keeps the user's letters.
fn rename(node: &mut NodeRegistration, name: &str, host: &HostFacts) {
    name.clone_into(&mut node.name);
    node.hostname_override = (name != host.hostname.trim().to_lowercase()).then(|| name.to_owned());
}

/// The images of a cluster's control plane, and who pulls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageList {
    /// References in the order of the version's kubeadm.
    pub images: Vec<String>,
    /// Container runtime's socket, as a URL (`unix:///…`).
    pub cri_socket: String,
}

/// Lists the images that a configuration needs. Beside a file, flags are passed over with a warning.
///
/// # Errors
/// As [`load_init`], but a machine without an address will do.
pub fn load_images(
    file: Option<(&str, &[u8])>,
    flags: &InitFlags,
    host: &HostFacts,
) -> Result<(ImageList, Vec<Warning>), ConfigErrors> {
    let unused = if file.is_some() { flags.excluded_by_config() } else { Vec::new() };
    let beside =
        InitFlags { strict: flags.strict, skip_cri_detection: flags.skip_cri_detection, ..InitFlags::default() };
    let flags = if file.is_some() { &beside } else { flags };
    let host = &validate::reachable(host);
    // The token that it makes is thrown away.
    let (init, mut warnings) = load_init(file, flags, host, &mut |bytes| bytes.fill(0))?;
    let ignored = |name: &&str| Warning::new(format!("--{name}"), "not looked at, since the file decides");
    warnings.extend(unused.iter().map(ignored));
    let images = images::pull_list(&init.cluster, &init.facts);
    Ok((ImageList { images, cri_socket: init.init.node_registration.cri_socket }, warnings))
}

/// Loads what `join` needs, from a file (its name and bytes) or from flags. What depends on the cluster's version is
/// that of `facts`, and [`JoinConfiguration::for_cluster`] corrects it once the cluster is known.
///
/// # Errors
/// All faults at once, each with its field, and with its line if it came from the file.
pub fn load_join(
    file: Option<(&str, &[u8])>,
    flags: &JoinFlags,
    host: &HostFacts,
    facts: &VersionFacts,
) -> Result<(JoinConfiguration, Vec<Warning>), ConfigErrors> {
    let detect_runtime = !flags.skip_cri_detection;
    let machine = Machine { host, detect_runtime, needs_address: true, random: &mut |_| {} };
    let Some(file) = file else {
        let mut told = Told::default();
        let document = flags.document(&mut told.errors);
        let loaded = join_with(&Sources::default(), document, flags, facts, &machine, &mut told);
        told.name_flags(join_flags::flag_of);
        return told.finish(loaded, None, flags.strict);
    };
    from_file(file, Audience::Join, Kind::Join, flags.reading(), |sources, told| {
        let wire = sources.read_join(&mut told.errors, &mut told.warnings);
        join_with(sources, wire, flags, facts, &machine, told)
    })
}

/// Converts a JoinConfiguration with the flags that may stand beside a file.
fn join_with(
    sources: &Sources<'_>,
    mut wire: v1beta4::JoinConfiguration,
    flags: &JoinFlags,
    facts: &VersionFacts,
    machine: &Machine<'_>,
    told: &mut Told,
) -> Option<JoinConfiguration> {
    if let Some(name) = &flags.node_name {
        name.clone_into(&mut wire.node_registration.name);
    }
    if let Some(dry_run) = flags.dry_run {
        wire.dry_run = dry_run;
    }
    let file_ignores = std::mem::take(&mut wire.node_registration.ignore_preflight_errors);
    let host = machine.host;
    let mut join = join_from(sources, wire, facts, machine, told)?;
    let mut check = Check::new(sources.document(Kind::Join));
    let given = flags.ignore_preflight_errors.as_deref().unwrap_or_default();
    join.node_registration.ignore_preflight_errors = convert::ignored_checks(file_ignores, given, &mut check);
    told.take(check);
    if let Some(name) = &flags.node_name {
        rename(&mut join.node_registration, name, host);
    }
    Some(join)
}

/// Loads what `reset` needs, from a file (its name and bytes) or from flags.
///
/// # Errors
/// All faults at once, each with its field, and with its line if it came from the file.
pub fn load_reset(
    file: Option<(&str, &[u8])>,
    flags: &ResetFlags,
    host: &HostFacts,
) -> Result<(ResetConfiguration, Vec<Warning>), ConfigErrors> {
    let detect_runtime = !flags.skip_cri_detection;
    let machine = Machine { host, detect_runtime, needs_address: false, random: &mut |_| {} };
    let Some(file) = file else {
        let mut told = Told::default();
        let document = flags.over(v1beta4::ResetConfiguration::default());
        let loaded = reset_from(&Sources::default(), document, &machine, &mut told);
        told.name_flags(reset_flags::flag_of);
        return told.finish(loaded, None, flags.strict);
    };
    from_file(file, Audience::Reset, Kind::Reset, flags.reading(), |sources, told| {
        let wire = sources.read_reset(&mut told.errors, &mut told.warnings);
        reset_from(sources, flags.over(wire), &machine, told)
    })
}

/// Loads what the commands `upgrade …` need, from a file (its name and bytes), flags, or both.
///
/// # Errors
/// All faults at once, each with its field, and with its line if it came from the file.
pub fn load_upgrade(
    file: Option<(&str, &[u8])>,
    flags: &UpgradeFlags,
) -> Result<(UpgradeConfiguration, Vec<Warning>), ConfigErrors> {
    let Some(file) = file else {
        let mut told = Told::default();
        let mut wire = v1beta4::UpgradeConfiguration::default();
        flags.lay_over(&mut wire);
        let loaded = upgrade_with(&Sources::default(), wire, flags, &mut told);
        told.name_flags(upgrade_flags::flag_of);
        return told.finish(loaded, None, flags.strict);
    };
    from_file(file, Audience::Upgrade, Kind::Upgrade, flags.reading(), |sources, told| {
        let mut wire = sources.read_upgrade(&mut told.errors, &mut told.warnings);
        flags.lay_over(&mut wire);
        upgrade_with(sources, wire, flags, told)
    })
}

fn upgrade_with(
    sources: &Sources<'_>,
    wire: v1beta4::UpgradeConfiguration,
    flags: &UpgradeFlags,
    told: &mut Told,
) -> Option<UpgradeConfiguration> {
    let mut upgrade = upgrade_from(sources, wire, told)?;
    flags.name_patches(&mut upgrade);
    Some(upgrade)
}

/// Loads one kind of document from a file.
fn from_file<T>(
    (name, bytes): (&str, &[u8]),
    audience: Audience,
    kind: Kind,
    reading: Reading,
    load: impl FnOnce(&Sources<'_>, &mut Told) -> Option<T>,
) -> Result<(T, Vec<Warning>), ConfigErrors> {
    let mut told = Told::default();
    let result = match yaml::documents(bytes) {
        Err(error) => {
            told.errors.push(error);
            None
        }
        Ok(documents) => {
            let sources = Sources::sort(&documents, audience, reading, &mut told.errors, &mut told.warnings);
            if !sources.has(kind) {
                let hint = match audience {
                    Audience::Stored => "look at the key ClusterConfiguration of kube-system/kubeadm-config",
                    _ => "its apiVersion is kubeadm.k8s.io/v1beta4",
                };
                told.missing(ConfigError::document(format!("no {} in the file", kind.name())).hint(hint));
            }
            if sources.has(kind) { load(&sources, &mut told) } else { None }
        }
    };
    told.finish(result, Some(name), reading.strict)
}

/// Converts a JoinConfiguration, if it was read without a fault.
pub(crate) fn join_from(
    sources: &Sources<'_>,
    wire: v1beta4::JoinConfiguration,
    facts: &VersionFacts,
    machine: &Machine<'_>,
    told: &mut Told,
) -> Option<JoinConfiguration> {
    if !told.errors.is_empty() {
        return None;
    }
    let mut check = Check::new(sources.document(Kind::Join));
    let join = convert::join(wire, facts, machine, &mut check);
    told.take(check);
    join
}

/// Converts a ResetConfiguration, if it was read without a fault.
pub(crate) fn reset_from(
    sources: &Sources<'_>,
    wire: v1beta4::ResetConfiguration,
    machine: &Machine<'_>,
    told: &mut Told,
) -> Option<ResetConfiguration> {
    if !told.errors.is_empty() {
        return None;
    }
    let facts = versions::facts_for(&versions::default_version()).ok()?;
    let mut check = Check::new(sources.document(Kind::Reset));
    let reset = convert::reset(wire, &facts, machine, &mut check);
    told.take(check);
    Some(reset)
}

/// Converts an UpgradeConfiguration, if it was read without a fault.
pub(crate) fn upgrade_from(
    sources: &Sources<'_>,
    wire: v1beta4::UpgradeConfiguration,
    told: &mut Told,
) -> Option<UpgradeConfiguration> {
    if !told.errors.is_empty() {
        return None;
    }
    let mut check = Check::new(sources.document(Kind::Upgrade));
    let upgrade = convert::upgrade(wire, &mut check);
    told.take(check);
    Some(upgrade)
}

/// Reads a ClusterConfiguration that a cluster stores, of any API version from v1beta2 on.
///
/// # Errors
/// All faults at once, each with its field and line.
pub fn stored_cluster(bytes: &[u8]) -> Result<(ClusterConfiguration, VersionFacts), ConfigErrors> {
    let file = ("kubeadm-config", bytes);
    let loaded = from_file(file, Audience::Stored, Kind::Cluster, Reading::default(), |sources, told| {
        let wire = sources.read_cluster(&mut told.errors, &mut told.warnings);
        if !told.errors.is_empty() {
            return None;
        }
        let mut check = Check::new(sources.document(Kind::Cluster));
        let cluster = convert::cluster(wire, 0, &mut check);
        told.take(check);
        cluster
    });
    loaded.map(|(loaded, _)| loaded)
}

#[cfg(test)]
pub(crate) mod tests;
