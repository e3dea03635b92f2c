//! Patches of static pods, the kubelet's configuration, CoreDNS and kube-proxy, as `--patches` takes them from a directory.
//!
//! Pure: the caller lists the directory, reads files when asked to, and writes what comes out.

mod file_name;
mod outcome;
mod shape;
mod strategic;

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::{ConfigError, VersionFacts, yaml};
use serde_json::{Map, Value};

use crate::StaticPod;
use file_name::Name;

/// Everything that was found in a directory of patches.
#[derive(Debug, Clone, Default)]
pub struct Patches {
    files: Vec<PatchFile>,
    ignored: Vec<Ignored>,
}

/// What a file can patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The static pod of etcd.
    Etcd,
    /// The static pod of kube-apiserver.
    KubeApiserver,
    /// The static pod of kube-controller-manager.
    KubeControllerManager,
    /// The static pod of kube-scheduler.
    KubeScheduler,
    /// The kubelet's `config.yaml` on this node; the ConfigMap stays as it is.
    KubeletConfiguration,
    /// The Deployment of CoreDNS.
    CorednsDeployment,
    /// The DaemonSet of kube-proxy.
    KubeProxyDaemonSet,
}

/// How a patch is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// A list of operations, RFC 6902.
    Json,
    /// A part of the object, RFC 7396; lists are replaced.
    Merge,
    /// A part of the object; lists are merged as the Kubernetes API merges them.
    Strategic,
}

/// A file that patches nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Its path, as listed.
    pub path: Utf8PathBuf,
    /// Why, as a part of a sentence; `None` when it is empty.
    pub reason: Option<String>,
}

/// What came out of patching.
#[derive(Debug, Clone, PartialEq)]
pub struct Patched<T> {
    /// The patched thing; as it was if no patch is for it.
    pub value: T,
    /// The type of each patch that was applied, in order.
    pub applied: Vec<PatchType>,
}

/// Why patches could not be read or applied.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// The file's name has `+` but no known type after it.
    #[error("the name of the patch file `{file}` has an unknown or no type after `+`: use json, merge or strategic")]
    Type {
        /// The file.
        file: Utf8PathBuf,
    },
    /// The file could not be read.
    #[error("cannot read the patch file `{file}`: it must be a regular file with UTF-8 text of at most 4 MiB")]
    Read {
        /// The file.
        file: Utf8PathBuf,
    },
    /// The file is neither YAML nor JSON.
    #[error("cannot read the patch file `{file}` for {target} as YAML or JSON")]
    Parse {
        /// The file.
        file: Utf8PathBuf,
        /// What it should patch.
        target: Target,
        /// Why.
        #[source]
        source: Box<ConfigError>,
    },
    /// A document of the file is no patch of its type.
    #[error("the patch file `{file}` for {target} is no {kind} patch: {reason}")]
    Form {
        /// The file.
        file: Utf8PathBuf,
        /// What it should patch.
        target: Target,
        /// Its type.
        kind: PatchType,
        /// What is wrong.
        reason: String,
    },
    /// The patch does not fit the object.
    #[error("cannot apply the {kind} patch `{file}` to {target}")]
    Apply {
        /// The file.
        file: Utf8PathBuf,
        /// What it should patch.
        target: Target,
        /// Its type.
        kind: PatchType,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What the patches left is not what Kubernetes could use.
    #[error("the patches of {target} ({files}) leave something unusable: {reason}")]
    Outcome {
        /// What was patched.
        target: Target,
        /// The files, in order.
        files: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The object to patch is no YAML: a fault of a template.
    #[error("cannot read the manifest of {target} that is to be patched")]
    Object {
        /// What was to be patched.
        target: Target,
        /// Why.
        #[source]
        source: Box<ConfigError>,
    },
}

impl Patches {
    /// Reads patches.
    ///
    /// `paths` are files in the order in which they apply: that of the walk through the directory. `read` is asked only
    /// for files whose names make them patches, and gives `None` for what cannot be read.
    ///
    /// # Errors
    /// A name has a wrong type, or a file is unreadable or no patch. Files that are not meant as patches, or are empty,
    /// are no error but [`Patches::ignored`].
    pub fn parse(
        paths: Vec<Utf8PathBuf>,
        targets: &[Target],
        mut read: impl FnMut(&Utf8Path) -> Option<Vec<u8>>,
    ) -> Result<Self, PatchError> {
        let mut patches = Self::default();
        for path in paths {
            let (target, kind) = match file_name::read(path.file_name().unwrap_or_default(), targets) {
                Name::Patch(target, kind) => (target, kind),
                Name::WrongType => return Err(PatchError::Type { file: path }),
                Name::Other(reason) => {
                    patches.ignored.push(Ignored { path, reason: Some(reason) });
                    continue;
                }
            };
            let Some(bytes) = read(&path) else { return Err(PatchError::Read { file: path }) };
            let changes = changes(&path, target, kind, &bytes)?;
            match changes.is_empty() {
                true => patches.ignored.push(Ignored { path, reason: None }),
                false => patches.files.push(PatchFile { path, target, kind, changes }),
            }
        }
        Ok(patches)
    }

    /// Returns the files that patch something, in order.
    pub fn files(&self) -> impl Iterator<Item = &Utf8Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Returns the files that patch nothing, in order.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// Applies every patch of a target, in order.
    ///
    /// # Errors
    /// A patch does not fit, or what comes out is of another kind or name, or has fields of wrong types.
    pub fn apply(&self, target: Target, object: Value) -> Result<Patched<Value>, PatchError> {
        let files: Vec<&PatchFile> = self.files.iter().filter(|file| file.target == target).collect();
        let mut patched = Patched { value: object, applied: Vec::new() };
        if files.is_empty() {
            return Ok(patched);
        }
        for file in &files {
            for change in &file.changes {
                change.apply(&mut patched.value, target).map_err(|source| PatchError::Apply {
                    file: file.path.clone(),
                    target,
                    kind: file.kind,
                    source,
                })?;
                patched.applied.push(file.kind);
            }
        }
        outcome::settle(target, &mut patched.value).map_err(|reason| {
            let files: Vec<String> = files.iter().map(|file| format!("`{}`", file.path)).collect();
            PatchError::Outcome { target, files: files.join(", "), reason }
        })?;
        Ok(patched)
    }

    /// Applies every patch of a static pod to its manifest.
    ///
    /// # Errors
    /// As [`Patches::apply`].
    pub fn apply_to_pod(&self, mut pod: StaticPod) -> Result<Patched<StaticPod>, PatchError> {
        let unchanged = |value| Ok(Patched { value, applied: Vec::new() });
        let Some(target) = Target::of_pod(pod.name) else { return unchanged(pod) };
        if !self.files.iter().any(|file| file.target == target) {
            return unchanged(pod);
        }
        let document = yaml::document(pod.yaml.as_bytes())
            .map_err(|source| PatchError::Object { target, source: Box::new(source) })?;
        let patched = self.apply(target, document.value().clone())?;
        pod.yaml = yaml::to_string(&patched.value);
        Ok(Patched { value: pod, applied: patched.applied })
    }
}

impl Target {
    /// Returns what the version's kubeadm patches, in the order in which it names them.
    pub fn all_of(facts: &VersionFacts) -> Vec<Self> {
        let mut targets = vec![Self::Etcd, Self::KubeApiserver, Self::KubeControllerManager, Self::KubeScheduler];
        targets.extend(facts.kubelet.patch_target.then_some(Self::KubeletConfiguration));
        targets.extend(facts.coredns.patch_target.then_some(Self::CorednsDeployment));
        targets.extend(facts.kube_proxy.patch_target.then_some(Self::KubeProxyDaemonSet));
        targets
    }

    /// Returns the target of a static pod.
    pub fn of_pod(name: &str) -> Option<Self> {
        [Self::Etcd, Self::KubeApiserver, Self::KubeControllerManager, Self::KubeScheduler]
            .into_iter()
            .find(|target| target.name() == name)
    }

    /// Returns the beginning of its files' names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::KubeletConfiguration => "kubeletconfiguration",
            Self::CorednsDeployment => "corednsdeployment",
            Self::KubeProxyDaemonSet => "kubeproxydaemonset",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PatchType {
    /// Returns the name that the Kubernetes API knows it by.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
        }
    }

    /// Returns the name that files have after `+`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Merge => "merge",
            Self::Strategic => "strategic",
        }
    }
}

impl fmt::Display for PatchType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A file with at least one patch.
#[derive(Debug, Clone)]
struct PatchFile {
    path: Utf8PathBuf,
    target: Target,
    kind: PatchType,
    changes: Vec<Change>,
}

/// One document of a file.
#[derive(Debug, Clone)]
enum Change {
    Json(json_patch::Patch),
    Merge(Value),
    Strategic(Map<String, Value>),
}

impl Change {
    fn apply(&self, object: &mut Value, target: Target) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match self {
            // Without its undoing: after an error nobody looks at the object again.
            Self::Json(operations) => Ok(json_patch::patch_unsafe(object, operations)?),
            Self::Merge(part) => {
                json_patch::merge(object, part);
                Ok(())
            }
            Self::Strategic(part) => {
                let Value::Object(object) = object else { return Err("an earlier patch left no object".into()) };
                Ok(strategic::merge(object, part.clone(), shape::of(target))?)
            }
        }
    }
}

fn changes(file: &Utf8Path, target: Target, kind: PatchType, bytes: &[u8]) -> Result<Vec<Change>, PatchError> {
    let documents = yaml::documents(bytes).map_err(|source| PatchError::Parse {
        file: file.to_owned(),
        target,
        source: Box::new(source),
    })?;
    let form = |reason: String| PatchError::Form { file: file.to_owned(), target, kind, reason };
    let mut changes = Vec::new();
    // A document that holds only comments says nothing, whatever its type.
    for document in documents.iter().map(yaml::Document::value).filter(|document| !document.is_null()) {
        changes.push(match (kind, document) {
            (PatchType::Json, Value::Array(_)) => {
                let operations = serde_json::from_value(document.clone());
                Change::Json(operations.map_err(|error| form(error.to_string()))?)
            }
            (PatchType::Json, _) => return Err(form("it must be a list of operations".to_owned())),
            (PatchType::Merge, Value::Object(_)) => Change::Merge(document.clone()),
            (PatchType::Strategic, Value::Object(part)) => Change::Strategic(part.clone()),
            _ => return Err(form("it must be an object".to_owned())),
        });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests;
