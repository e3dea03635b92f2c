//! What a preflight check is. Each stands in a file of its own under `preflight/`.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use kubewright_config::facts::Severity;
use kubewright_config::{ClusterConfiguration, InitConfiguration, KubeletDoc, KubernetesVersion, VersionFacts};
use kubewright_engine::{Failure, FailureKind, Report, Use};
use kubewright_node::{Clock, Files, Probe, Runtime, ServerAnswer, Services};
use tokio::sync::OnceCell;

use crate::options::InitOptions;

/// The powers that checks look with, as a phase that runs them asks for them.
pub type Powers = (Use<Files>, Use<Probe>, Use<Services>, Use<Runtime>, Use<Clock>);

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
    /// Where a check says what is no fault.
    pub report: &'a Report,
    /// What more than one check wants to know.
    pub asked: Asked,
}

/// What each member of an external etcd answers when it is asked for its version, by its endpoint; or why none could be
/// asked.
pub type EtcdAnswers = Result<Vec<(String, Result<ServerAnswer, String>)>, String>;

/// Answers that more than one check wants; each is asked for once.
#[derive(Default)]
pub struct Asked {
    installed_kubelet: OnceCell<Result<KubernetesVersion, KubeletUnknown>>,
    docker_cgroup_driver: OnceCell<std::io::Result<String>>,
    pub(crate) external_etcd: OnceCell<EtcdAnswers>,
}

/// Why the version of the kubelet that is installed is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubeletUnknown {
    /// It cannot be run.
    #[error("couldn't get kubelet version: {0}")]
    NotRun(String),
    /// What it says is no version.
    #[error("couldn't understand kubelet version `{0}`")]
    NotUnderstood(String),
}

impl<'a> Subject<'a> {
    /// A node that is to become this, seen with these powers; nothing is asked yet.
    pub fn of(
        init: &'a InitConfiguration,
        cluster: &'a ClusterConfiguration,
        kubelet: &'a KubeletDoc,
        facts: &'a VersionFacts,
        options: &'a InitOptions,
        (files, probe, services, runtime, clock): &'a Powers,
        report: &'a Report,
    ) -> Self {
        let asked = Asked::default();
        Self { init, cluster, kubelet, facts, options, files, probe, services, runtime, clock, report, asked }
    }

    /// The version of the kubelet that is installed.
    pub async fn kubelet_version(&self) -> Result<&KubernetesVersion, &KubeletUnknown> {
        let ask = || async {
            let printed = self.probe.version_of("kubelet").await;
            let printed = printed.map_err(|cause| KubeletUnknown::NotRun(cause.to_string()))?;
            let word = printed.split_whitespace().last().unwrap_or_default();
            word.parse().map_err(|_| KubeletUnknown::NotUnderstood(word.to_owned()))
        };
        self.asked.installed_kubelet.get_or_init(ask).await.as_ref()
    }

    /// The cgroup driver that Docker says it has.
    pub async fn docker_cgroup_driver(&self) -> Result<&String, &std::io::Error> {
        self.asked.docker_cgroup_driver.get_or_init(|| self.probe.docker_cgroup_driver()).await.as_ref()
    }

    /// Whether the runtime is Docker through the kubelet's dockershim, which listens only when the kubelet runs.
    pub fn docker(&self) -> bool {
        let socket = self.init.node_registration.cri_socket.as_str();
        let path = socket.strip_prefix("unix://").unwrap_or(socket);
        self.facts.preflight.docker && path.ends_with("/dockershim.sock")
    }
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

/// A name that a check's findings have, and the worst that they are.
pub type Name = (String, Severity);

/// Names of findings that are errors.
pub fn errors<const N: usize>(names: [&str; N]) -> Vec<Name> {
    names.map(|name| (name.to_owned(), Severity::Error)).into()
}

/// Names of findings that are warnings.
pub fn warnings<const N: usize>(names: [&str; N]) -> Vec<Name> {
    names.map(|name| (name.to_owned(), Severity::Warning)).into()
}

/// One check.
#[async_trait]
pub trait Check: Send + Sync {
    /// What it makes sure of, for docs: imperative, no full stop.
    fn about(&self) -> &'static str;

    /// What goes wrong on a machine that fails it, for docs: one or two sentences.
    fn why(&self) -> &'static str;

    /// What to do about it, for docs: imperative, no full stop. Findings name the very path, port or program.
    fn fix(&self) -> &'static str;

    /// The names of its findings for a version, with default paths and ports; none where the version does not look.
    fn names(&self, facts: &VersionFacts) -> Vec<Name>;

    /// Whether kubeadm has no such check.
    fn ours(&self) -> bool {
        false
    }

    /// Its place among the checks, in kubeadm's order; also the order of what is printed.
    fn rank(&self) -> u16;

    /// Looks, and gives what is wrong.
    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding>;
}

/// Every check, in the order of its rank.
pub fn ranked() -> Vec<&'static dyn Check> {
    let mut checks = crate::CHECKS.to_vec();
    checks.sort_by_key(|check| check.rank());
    checks
}

/// How long one look at the network or another program may take. No check may hold the others up.
pub const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// Gives a look up when its time is over.
///
/// # Errors
/// Says who did not answer.
pub async fn within<T>(limit: Duration, who: &str, look: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(limit, look)
        .await
        .map_err(|_| format!("{who} did not answer within {} s", limit.as_secs_f64()))
}

/// What a failure advises, or else what the check does.
pub fn fix_of(failure: &Failure, otherwise: &str) -> String {
    if failure.hints().is_empty() { otherwise.to_owned() } else { failure.hints().join("; ") }
}

/// Whether the user wants to live with errors of this name. Names are compared without case; `all` ignores every one.
pub fn ignored(id: &str, names: &[String]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(id) || name.eq_ignore_ascii_case("all"))
}

/// What is said of findings: the lines of warnings and of ignored errors, and the failure of all other errors.
pub fn judged(findings: Vec<Finding>, ignore: &[String]) -> (Vec<String>, Result<(), Failure>) {
    let (errors, warnings): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Error && !ignored(&finding.id, ignore));
    let warning = |Finding { id, message, fix, .. }| format!("\t[WARNING {id}]: {message}\n\t\tfix: {fix}");
    let warnings = warnings.into_iter().map(warning).collect();
    if errors.is_empty() {
        return (warnings, Ok(()));
    }
    let lines: Vec<_> = errors
        .iter()
        .map(|finding| format!("\n\t[ERROR {}]: {}\n\t\tfix: {}", finding.id, finding.message, finding.fix))
        .collect();
    let failure = Failure::new(format!("[preflight] Some fatal errors occurred:{}", lines.concat()))
        .context("preflight checks failed")
        .kind(FailureKind::Preflight)
        .hint("[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`");
    (warnings, Err(failure))
}

/// The part of a check's name that stands for a path: `/etc/x` becomes `-etc-x`.
pub fn path_label(path: &camino::Utf8Path) -> String {
    path.as_str().replace('/', "-")
}

#[cfg(test)]
mod tests;
