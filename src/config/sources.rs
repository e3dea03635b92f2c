//! Which document of a file is what, by its apiVersion and kind; and reading each into the current API's types.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::component;
use crate::error::{ConfigError, Warning};
use crate::v1beta3;
use crate::v1beta4;
use crate::wire::{Reader, Wire, closest};
use crate::yaml::Document;

const GROUP: &str = "kubeadm.k8s.io";

const KINDS: [&str; 5] =
    ["InitConfiguration", "ClusterConfiguration", "JoinConfiguration", "ResetConfiguration", "UpgradeConfiguration"];

/// Versions that no longer read, with the last kubeadm that converts each.
const OLD_VERSIONS: [(&str, &str); 5] =
    [("v1alpha1", "1.11"), ("v1alpha2", "1.12"), ("v1alpha3", "1.14"), ("v1beta1", "1.15"), ("v1beta2", "1.22")];

/// The default of v1beta3's `timeoutForControlPlane`.
const OLD_TIMEOUT: Duration = Duration::from_secs(240);

/// The documents of a file by what they are.
#[derive(Default)]
pub(crate) struct Sources<'a> {
    pub init: Option<&'a Document>,
    pub cluster: Option<&'a Document>,
    pub join: Option<&'a Document>,
    pub kubelet: Option<&'a Document>,
    pub kube_proxy: Option<&'a Document>,
}

impl<'a> Sources<'a> {
    /// Sorts the documents of a user's file.
    pub fn sort(documents: &'a [Document], errors: &mut Vec<ConfigError>, warnings: &mut Vec<Warning>) -> Self {
        Self::sort_with(documents, false, errors, warnings)
    }

    /// Sorts documents that a cluster stores, where v1beta2 is fine and no version is deprecated.
    pub fn sort_stored(documents: &'a [Document], errors: &mut Vec<ConfigError>, warnings: &mut Vec<Warning>) -> Self {
        Self::sort_with(documents, true, errors, warnings)
    }

    fn sort_with(
        documents: &'a [Document],
        stored: bool,
        errors: &mut Vec<ConfigError>,
        warnings: &mut Vec<Warning>,
    ) -> Self {
        let mut sources = Self::default();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for document in documents {
            let line = document.line("apiVersion");
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
                errors.push(error.at(Some(line)).hint("for example kubeadm.k8s.io/v1beta4"));
                continue;
            };
            if kind.is_empty() {
                let error = ConfigError::field("kind", "every document needs a kind").at(Some(document.line("kind")));
                errors.push(error.hint("for example ClusterConfiguration"));
                continue;
            }
            if let Some(first) = kinds.insert(kind, line) {
                let reason = format!("the file has two documents of this kind, the first at line {first}");
                let error = ConfigError::invalid("kind", kind, reason).hint("merge them, or remove one");
                errors.push(error.at(Some(document.line("kind"))));
                continue;
            }
            if group == GROUP
                && let Err(error) = check_version(version, stored, line, warnings)
            {
                errors.push(error.at(Some(line)));
                continue;
            }
            match (group, kind) {
                (GROUP, "InitConfiguration") => sources.init = Some(document),
                (GROUP, "ClusterConfiguration") => sources.cluster = Some(document),
                (GROUP, "JoinConfiguration") => sources.join = Some(document),
                (component::KUBELET_GROUP, _) => {
                    component_version(component::KUBELET_API, api_version, line, errors);
                    sources.kubelet = Some(document);
                }
                (component::KUBE_PROXY_GROUP, _) => {
                    component_version(component::KUBE_PROXY_API, api_version, line, errors);
                    sources.kube_proxy = Some(document);
                }
                (_, "InitConfiguration" | "ClusterConfiguration" | "JoinConfiguration") => {
                    let error = ConfigError::invalid("apiVersion", api_version, format!("{kind} is of {GROUP}"));
                    errors.push(error.at(Some(line)).hint("write kubeadm.k8s.io/v1beta4"));
                }
                _ => {
                    let message = format!("ignored a document of {api_version}, kind {kind}");
                    let reason = format!("no configuration of kind {kind} is read from {api_version}");
                    let fix = match closest(kind, &KINDS).filter(|_| group == GROUP) {
                        Some(same) if same == kind => format!("write {GROUP}/v1beta4"),
                        Some(meant) => format!("did you mean {meant}?"),
                        None => "remove the document".to_owned(),
                    };
                    let line = Some(document.line("kind"));
                    warnings.push(Warning::new("kind", message).at(line).refused(reason, fix));
                }
            }
        }
        sources
    }

    /// Reads the InitConfiguration, or returns an empty one.
    pub fn read_init(&self, errors: &mut Vec<ConfigError>, warnings: &mut Vec<Warning>) -> v1beta4::InitConfiguration {
        read_versioned::<v1beta4::InitConfiguration, v1beta3::InitConfiguration>(self.init, errors, warnings)
    }

    /// Reads the ClusterConfiguration, or returns an empty one.
    pub fn read_cluster(
        &self,
        errors: &mut Vec<ConfigError>,
        warnings: &mut Vec<Warning>,
    ) -> v1beta4::ClusterConfiguration {
        read_versioned::<v1beta4::ClusterConfiguration, v1beta3::ClusterConfiguration>(self.cluster, errors, warnings)
    }

    /// Reads the JoinConfiguration, or returns an empty one.
    pub fn read_join(&self, errors: &mut Vec<ConfigError>, warnings: &mut Vec<Warning>) -> v1beta4::JoinConfiguration {
        read_versioned::<v1beta4::JoinConfiguration, v1beta3::JoinConfiguration>(self.join, errors, warnings)
    }

    /// Returns v1beta3's timeout for the control plane, if it is set and not the default.
    pub fn cluster_timeout(&self) -> Option<Duration> {
        let document = self.cluster.filter(|document| is_old(document))?;
        let old: v1beta3::ClusterConfiguration = read(document, &mut Vec::new(), &mut Vec::new());
        old.api_server.timeout_for_control_plane.filter(|timeout| *timeout != OLD_TIMEOUT && !timeout.is_zero())
    }
}

fn is_old(document: &Document) -> bool {
    let version = document.value().get("apiVersion").and_then(|value| value.as_str()).unwrap_or_default();
    version.ends_with("/v1beta3") || version.ends_with("/v1beta2")
}

fn read_versioned<New: Wire, Old: Wire + Into<New>>(
    document: Option<&Document>,
    errors: &mut Vec<ConfigError>,
    warnings: &mut Vec<Warning>,
) -> New {
    match document {
        None => New::default(),
        Some(document) if is_old(document) => read::<Old>(document, errors, warnings).into(),
        Some(document) => read(document, errors, warnings),
    }
}

fn read<T: Wire>(document: &Document, errors: &mut Vec<ConfigError>, warnings: &mut Vec<Warning>) -> T {
    let mut reader = Reader::new(document);
    let value = T::read(document.value(), &mut reader);
    errors.append(&mut reader.errors);
    warnings.append(&mut reader.warnings);
    value
}

fn check_version(version: &str, stored: bool, line: usize, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
    let full = format!("{GROUP}/{version}");
    match version {
        "v1beta4" => Ok(()),
        "v1beta2" | "v1beta3" if stored => Ok(()),
        "v1beta3" => {
            let message = format!("{full} is deprecated; move the file to {GROUP}/v1beta4");
            warnings.push(Warning::new("apiVersion", message).at(Some(line)));
            Ok(())
        }
        _ => {
            let old = OLD_VERSIONS.iter().find(|(name, _)| *name == version);
            let hint = match old {
                Some((_, kubeadm)) => format!("`kubeadm config migrate` of kubeadm {kubeadm} converts it"),
                None => format!("write {GROUP}/v1beta4"),
            };
            let reason = if old.is_some() { "the version is no longer read" } else { "there is no such version" };
            Err(ConfigError::invalid("apiVersion", full, reason).hint(hint))
        }
    }
}

fn component_version(expected: &str, found: &str, line: usize, errors: &mut Vec<ConfigError>) {
    if found != expected {
        let error = ConfigError::invalid("apiVersion", found, "the version of this document is not known");
        errors.push(error.at(Some(line)).hint(format!("convert it to {expected}")));
    }
}
