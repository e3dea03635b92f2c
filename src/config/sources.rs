//! Which document of a file is what, by its apiVersion and kind; and reading each into the current API's types.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::component;
use crate::defaults::OLD_API_SERVER_TIMEOUT;
use crate::duration;
use crate::error::{ConfigError, Warning};
use crate::facts::ApiVersion;
use crate::reading::Reading;
use crate::wire::{Reader, Wire, closest};
use crate::yaml::Document;
use crate::{v1beta2, v1beta3, v1beta4};

const GROUP: &str = "kubeadm.k8s.io";

/// Versions that no longer read, with the last kubeadm that converts each.
const OLD_VERSIONS: [(&str, &str); 4] =
    [("v1alpha1", "1.11"), ("v1alpha2", "1.12"), ("v1alpha3", "1.14"), ("v1beta1", "1.15")];

/// A kind of our group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Init,
    Cluster,
    Join,
    Reset,
    Upgrade,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Init, Self::Cluster, Self::Join, Self::Reset, Self::Upgrade];

    /// Returns the kind's name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "InitConfiguration",
            Self::Cluster => "ClusterConfiguration",
            Self::Join => "JoinConfiguration",
            Self::Reset => "ResetConfiguration",
            Self::Upgrade => "UpgradeConfiguration",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the oldest version that has the kind and that we read.
    fn since(self) -> ApiVersion {
        match self {
            Self::Init | Self::Cluster | Self::Join => ApiVersion::V1beta2,
            Self::Reset | Self::Upgrade => ApiVersion::V1beta4,
        }
    }
}

/// Who reads the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Init,
    Join,
    Reset,
    Upgrade,
    /// `config validate` and `config migrate` read every kind.
    Everyone,
    /// What a cluster stores; no version of it is deprecated.
    Stored,
}

impl Audience {
    fn wants(self, kind: Kind) -> bool {
        match self {
            Self::Init => matches!(kind, Kind::Init | Kind::Cluster),
            Self::Join => kind == Kind::Join,
            Self::Reset => kind == Kind::Reset,
            Self::Upgrade => kind == Kind::Upgrade,
            Self::Everyone => true,
            Self::Stored => kind == Kind::Cluster,
        }
    }

    fn wants_components(self) -> bool {
        matches!(self, Self::Init | Self::Everyone)
    }
}

/// The documents of a file by what they are.
#[derive(Default)]
pub(crate) struct Sources<'a> {
    kinds: BTreeMap<Kind, (&'a Document, ApiVersion)>,
    pub kubelet: Option<&'a Document>,
    pub kube_proxy: Option<&'a Document>,
    stored: bool,
}

impl<'a> Sources<'a> {
    /// Sorts the documents of a file.
    pub fn sort(
        documents: &'a [Document],
        audience: Audience,
        reading: Reading,
        errors: &mut Vec<ConfigError>,
        warnings: &mut Vec<Warning>,
    ) -> Self {
        let mut sources = Self { stored: audience == Audience::Stored, ..Self::default() };
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for document in documents {
            let line = document.line("apiVersion");
            let Some(Identity { group, version, kind }) = identity(document, errors) else { continue };
            if let Some(first) = kinds.insert(kind, line) {
                let reason = format!("the file has two documents of this kind, the first at line {first}");
                let error = ConfigError::invalid("kind", kind, reason).at(Some(document.line("kind")));
                errors.push(error.hint("merge them, or remove one"));
                continue;
            }
            match (group, Kind::of(kind)) {
                (GROUP, Some(known)) if audience.wants(known) => {
                    let api = api_version(version, known, audience, reading, warnings, line);
                    match api {
                        Ok(api) => drop(sources.kinds.insert(known, (document, api))),
                        Err(error) => errors.push(error.at(Some(line))),
                    }
                }
                (GROUP, Some(known)) if is_known_version(version) && audience != Audience::Init => {
                    warnings.push(ignored(group, version, known.name(), line));
                }
                // `init` looks at the version of every document of the group.
                (GROUP, Some(known)) => match api_version(version, known, audience, reading, warnings, line) {
                    Ok(_) => warnings.push(ignored(group, version, known.name(), line)),
                    Err(error) => errors.push(error.at(Some(line))),
                },
                (component::KUBELET_GROUP, _) if audience.wants_components() => {
                    component_version(component::KUBELET_API, group, version, line, errors);
                    component_kind("KubeletConfiguration", kind, document, errors);
                    sources.kubelet = Some(document);
                }
                (component::KUBE_PROXY_GROUP, _) if audience.wants_components() => {
                    component_version(component::KUBE_PROXY_API, group, version, line, errors);
                    component_kind("KubeProxyConfiguration", kind, document, errors);
                    sources.kube_proxy = Some(document);
                }
                (component::KUBELET_GROUP | component::KUBE_PROXY_GROUP, _) => {
                    warnings.push(ignored(group, version, kind, line));
                }
                (_, Some(known)) => {
                    let reason = format!("{} is of {GROUP}", known.name());
                    let error = ConfigError::invalid("apiVersion", format!("{group}/{version}"), reason);
                    errors.push(error.at(Some(line)).hint("write kubeadm.k8s.io/v1beta4"));
                }
                // What kubeadm 1.20 stores beside the configuration; nobody reads it from a file.
                (GROUP, None) if kind == "ClusterStatus" && version == "v1beta2" => {
                    warnings.push(ignored(group, version, kind, document.line("kind")));
                }
                (_, None) => warnings.push(unknown(group, version, kind, document.line("kind"))),
            }
        }
        sources
    }

    /// Returns the document of a kind.
    pub fn document(&self, kind: Kind) -> Option<&'a Document> {
        self.kinds.get(&kind).map(|(document, _)| *document)
    }

    /// Tells whether the file has a document of the kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.kinds.contains_key(&kind)
    }

    /// Reads the InitConfiguration, or returns an empty one.
    pub fn read_init(&self, errors: &mut Vec<ConfigError>, warnings: &mut Vec<Warning>) -> v1beta4::InitConfiguration {
        let mut init: v1beta4::InitConfiguration = match self.kinds.get(&Kind::Init) {
            None => v1beta4::InitConfiguration::default(),
            Some((document, ApiVersion::V1beta4)) => read(document, errors, warnings),
            Some((document, ApiVersion::V1beta3)) => {
                read::<v1beta3::InitConfiguration>(document, errors, warnings).into()
            }
            Some((document, _)) => {
                let old: v1beta2::InitConfiguration = read(document, errors, warnings);
                v1beta3::InitConfiguration::from(old).into()
            }
        };
        // Until v1beta3 this timeout was kept with the API server. Its default says nothing.
        if let Some(timeout) = self.old_timeout() {
            let timeouts = init.timeouts.get_or_insert_default();
            timeouts.control_plane_component_health_check.get_or_insert(timeout);
        }
        init
    }

    /// Reads the ClusterConfiguration, or returns an empty one.
    pub fn read_cluster(
        &self,
        errors: &mut Vec<ConfigError>,
        warnings: &mut Vec<Warning>,
    ) -> v1beta4::ClusterConfiguration {
        match self.kinds.get(&Kind::Cluster) {
            None => v1beta4::ClusterConfiguration::default(),
            Some((document, ApiVersion::V1beta4)) => read(document, errors, warnings),
            Some((document, ApiVersion::V1beta3)) => {
                read::<v1beta3::ClusterConfiguration>(document, errors, warnings).into()
            }
            Some((document, _)) => {
                let old: v1beta2::ClusterConfiguration = read(document, errors, warnings);
                if !self.stored {
                    let told = |error: ConfigError| {
                        let line = document.line(&error.field);
                        error.at(Some(line))
                    };
                    errors.extend(old.faults().into_iter().map(told));
                }
                v1beta3::ClusterConfiguration::from(old).into()
            }
        }
    }

    /// Reads the JoinConfiguration, or returns an empty one.
    pub fn read_join(&self, errors: &mut Vec<ConfigError>, warnings: &mut Vec<Warning>) -> v1beta4::JoinConfiguration {
        match self.kinds.get(&Kind::Join) {
            None => v1beta4::JoinConfiguration::default(),
            Some((document, ApiVersion::V1beta4)) => read(document, errors, warnings),
            Some((document, ApiVersion::V1beta3)) => {
                read::<v1beta3::JoinConfiguration>(document, errors, warnings).into()
            }
            Some((document, _)) => {
                let old: v1beta2::JoinConfiguration = read(document, errors, warnings);
                v1beta3::JoinConfiguration::from(old).into()
            }
        }
    }

    /// Reads the ResetConfiguration, or returns an empty one.
    pub fn read_reset(
        &self,
        errors: &mut Vec<ConfigError>,
        warnings: &mut Vec<Warning>,
    ) -> v1beta4::ResetConfiguration {
        self.document(Kind::Reset).map(|document| read(document, errors, warnings)).unwrap_or_default()
    }

    /// Reads the UpgradeConfiguration, or returns an empty one.
    pub fn read_upgrade(
        &self,
        errors: &mut Vec<ConfigError>,
        warnings: &mut Vec<Warning>,
    ) -> v1beta4::UpgradeConfiguration {
        self.document(Kind::Upgrade).map(|document| read(document, errors, warnings)).unwrap_or_default()
    }

    /// Returns the timeout for the control plane that v1beta3 and older keep with the cluster, unless it is the default.
    fn old_timeout(&self) -> Option<Duration> {
        let (document, _) = self.kinds.get(&Kind::Cluster).filter(|(_, api)| *api < ApiVersion::V1beta4)?;
        // What is wrong with it is told by `read_cluster`.
        let text = document.value().pointer("/apiServer/timeoutForControlPlane")?.as_str()?;
        duration::parse(text).ok().filter(|timeout| *timeout != OLD_API_SERVER_TIMEOUT && !timeout.is_zero())
    }
}

struct Identity<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
}

fn identity<'a>(document: &'a Document, errors: &mut Vec<ConfigError>) -> Option<Identity<'a>> {
    let text = |name| document.value().get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let Some((group, version)) = api_version.split_once('/').filter(|(_, version)| !version.is_empty()) else {
        let error = match document.value().get("apiVersion") {
            Some(Value::String(text)) if !text.is_empty() => {
                ConfigError::invalid("apiVersion", text, "not of the form group/version")
            }
            Some(Value::Number(number)) => {
                ConfigError::invalid("apiVersion", number, "not text of the form group/version")
            }
            _ => ConfigError::field("apiVersion", "every document needs an apiVersion"),
        };
        errors.push(error.at(Some(document.line("apiVersion"))).hint("for example kubeadm.k8s.io/v1beta4"));
        return None;
    };
    if kind.is_empty() {
        let error = ConfigError::field("kind", "every document needs a kind").at(Some(document.line("kind")));
        errors.push(error.hint("for example ClusterConfiguration"));
        return None;
    }
    Some(Identity { group, version, kind })
}

fn ignored(group: &str, version: &str, kind: &str, line: usize) -> Warning {
    Warning::new("kind", format!("ignored a document of {group}/{version}, kind {kind}")).at(Some(line))
}

fn unknown(group: &str, version: &str, kind: &str, line: usize) -> Warning {
    let meant = closest(kind, &Kind::ALL.map(Kind::name)).filter(|_| group == GROUP);
    let fix = meant.map_or("remove the document".to_owned(), |kind| format!("did you mean {kind}?"));
    let reason = format!("no configuration of kind {kind} is read from {group}/{version}");
    ignored(group, version, kind, line).refused(reason, fix)
}

fn read<T: Wire>(document: &Document, errors: &mut Vec<ConfigError>, warnings: &mut Vec<Warning>) -> T {
    let mut reader = Reader::new(document);
    let value = T::read(document.value(), &mut reader);
    errors.append(&mut reader.errors);
    warnings.append(&mut reader.warnings);
    value
}

fn is_known_version(version: &str) -> bool {
    ["v1beta2", "v1beta3", "v1beta4"].contains(&version)
}

fn api_version(
    version: &str,
    kind: Kind,
    audience: Audience,
    reading: Reading,
    warnings: &mut Vec<Warning>,
    line: usize,
) -> Result<ApiVersion, ConfigError> {
    let full = format!("{GROUP}/{version}");
    let api = match version {
        "v1beta4" => ApiVersion::V1beta4,
        "v1beta3" => ApiVersion::V1beta3,
        "v1beta2" => ApiVersion::V1beta2,
        _ => {
            let old = OLD_VERSIONS.iter().find(|(name, _)| *name == version);
            let hint = match old {
                Some((_, kubeadm)) => format!("`kubeadm config migrate` of kubeadm {kubeadm} converts it"),
                None => format!("write {GROUP}/v1beta4"),
            };
            let reason = if old.is_some() { "the version is no longer read" } else { "there is no such version" };
            return Err(ConfigError::invalid("apiVersion", full, reason).hint(hint));
        }
    };
    if api < kind.since() {
        let reason = format!("the version has no kind {}", kind.name());
        return Err(ConfigError::invalid("apiVersion", full, reason).hint(format!("write {GROUP}/v1beta4")));
    }
    if api < ApiVersion::V1beta4 && audience != Audience::Stored && !reading.allow_deprecated {
        let message = format!(
            "your configuration file uses a deprecated API spec: {full:?} (kind: {:?}); `config migrate` writes it in {GROUP}/v1beta4",
            kind.name()
        );
        warnings.push(Warning::new("apiVersion", message).at(Some(line)));
    }
    Ok(api)
}

/// The group has other kinds too, which are no configuration of the component.
fn component_kind(expected: &str, found: &str, document: &Document, errors: &mut Vec<ConfigError>) {
    if found != expected {
        let error = ConfigError::invalid("kind", found, format!("must be {expected}")).at(Some(document.line("kind")));
        errors.push(error.hint(format!("write {expected}, or correct the apiVersion")));
    }
}

fn component_version(expected: &str, group: &str, version: &str, line: usize, errors: &mut Vec<ConfigError>) {
    let found = format!("{group}/{version}");
    if found != expected {
        let error = ConfigError::invalid("apiVersion", found, "the version of this document is not known");
        errors.push(error.at(Some(line)).hint(format!("convert it to {expected}")));
    }
}
