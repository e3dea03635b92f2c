//! What a preflight check is. Each stands in a file of its own under `preflight/`.

use async_trait::async_trait;
use kubewright_config::facts::Severity;
use kubewright_config::{ClusterConfiguration, InitConfiguration, KubeletDoc, VersionFacts};
use kubewright_engine::Report;
use kubewright_node::{Clock, Files, Probe, Runtime, Services};

use crate::options::InitOptions;

/// Everything that a check may look at. It changes nothing.
pub struct Subject<'a> {
    /// What the node is to become.
    pub init: &'a InitConfiguration,
    /// What the cluster is to become.
    pub cluster: &'a ClusterConfiguration,
    /// The kubelet's configuration.
    pub kubelet: &'a KubeletDoc,
    /// What depends on the version.
    pub facts: &'a VersionFacts,
    /// Where files go.
    pub options: &'a InitOptions,
    /// Files, for reading.
    pub files: &'a Files,
    /// Facts about the machine.
    pub probe: &'a Probe,
    /// The init system, for reading.
    pub services: &'a Services,
    /// The container runtime, for reading.
    pub runtime: &'a Runtime,
    /// The time.
    pub clock: &'a Clock,
    /// Where a check that takes long says so.
    pub report: &'a Report,
}

/// What a check found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name for `--ignore-preflight-errors`, such as `Port-6443`.
    pub id: String,
    /// Whether it stops the run.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What the user can do about it.
    pub fix: String,
}

impl Finding {
    /// Something that stops the run unless it is ignored.
    pub fn error(id: impl Into<String>, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id: id.into(), severity: Severity::Error, message: message.into(), fix: fix.into() }
    }

    /// Something that the user is told.
    pub fn warning(id: impl Into<String>, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(id, message, fix) }
    }

    /// The same with another severity; `None` when the version does not look at it at all.
    pub fn with_severity(self, severity: Severity) -> Option<Self> {
        (severity != Severity::None).then_some(Self { severity, ..self })
    }
}

/// One check.
#[async_trait]
pub trait Check: Send + Sync {
    /// What it makes sure of, for docs: imperative, no full stop.
    fn about(&self) -> &'static str;

    /// Its place among the checks, in kubeadm's order; also the order of what is printed.
    fn rank(&self) -> u16;

    /// Looks, and gives what is wrong.
    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding>;
}

/// Whether the user wants to live with errors of this name. Names are compared without case; `all` ignores every one.
pub fn ignored(id: &str, names: &[String]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(id) || name.eq_ignore_ascii_case("all"))
}

/// The part of a check's name that stands for a path: `/etc/x` becomes `-etc-x`.
pub fn path_label(path: &camino::Utf8Path) -> String {
    path.as_str().replace('/', "-")
}
