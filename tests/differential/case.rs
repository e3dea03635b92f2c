//! The cases as data: one document, and what is run on it.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::{DifferentialError, Result},
    older::{self, Form},
    release::Release,
};

/// One configuration with its command lines, as the files in `cases/` have it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Case {
    /// `subject/what`, one of its kind.
    pub name: String,
    /// The minors it is for, `1.20` or `1.36`; both when left out.
    #[serde(default)]
    pub only: Vec<String>,
    /// The fields of InitConfiguration in v1beta4, turned into what the release reads.
    pub init: Option<Value>,
    /// Those of ClusterConfiguration. If there are no documents at all, flags say it all.
    pub cluster: Option<Value>,
    /// Those of KubeletConfiguration.
    pub kubelet: Option<Value>,
    /// Those of KubeProxyConfiguration.
    pub proxy: Option<Value>,
    /// The whole text instead, in v1beta4.
    pub config: Option<String>,
    /// The documents for 1.20 in v1beta2, where turning would not do.
    #[serde(rename = "config-1.20")]
    pub config_1_20: Option<String>,
    /// The form that newer releases are given, v1beta4 unless named.
    #[serde(default)]
    pub form: Form,
    /// Leaves `kubernetesVersion` out of the configuration, and the algorithm of keys too.
    #[serde(default)]
    pub as_is: bool,
    /// Flags of a whole dry run.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Flags of a whole dry run that are for 1.20 instead.
    #[serde(rename = "flags-1.20")]
    pub flags_1_20: Option<Vec<String>>,
    /// Command lines of the shell to run instead of a whole dry run. `{config}` and `{version}` are filled in.
    #[serde(default)]
    pub steps: Vec<String>,
    /// As `steps`, for 1.20.
    #[serde(rename = "steps-1.20")]
    pub steps_1_20: Option<Vec<String>>,
    /// A command line of the shell that both sides run first, such as one that makes files.
    pub before: Option<String>,
    /// Files next to the configuration, by their names: patches, for example.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The environment of the program.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Whether keys are RSA, which takes long; they are ECDSA P-256 unless it is the keys that the case is about.
    #[serde(default)]
    pub rsa: bool,
    /// The node's host name.
    #[serde(default = "node1")]
    pub host: String,
    /// Whether both must refuse.
    #[serde(default)]
    pub refused: bool,
}

fn node1() -> String {
    "node1".to_owned()
}

/// What one side of a case is to run.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// The configuration.
    pub config: Option<String>,
    /// Lines of the shell, each run apart; those that call the program are compared.
    pub steps: Vec<String>,
}

impl Case {
    /// Reads all cases for that release, by name.
    pub(crate) fn load(dir: &Path, release: Release) -> Result<Vec<Self>> {
        let mut cases: Vec<Self> = Vec::new();
        let mut files: Vec<_> = fs::read_dir(dir)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(DifferentialError::file("list", dir))?;
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).map_err(DifferentialError::file("read", &file))?;
            let read: Vec<Self> = serde_saphyr::from_str(&text)
                .map_err(|error| DifferentialError::data(file.display().to_string(), error))?;
            cases.extend(read);
        }
        for (at, case) in cases.iter().enumerate() {
            if cases[..at].iter().any(|other| other.name == case.name) {
                return Err(DifferentialError::data(&case.name, "two cases have this name"));
            }
        }
        cases.retain(|case| release.is_among(&case.only));
        Ok(cases)
    }

    /// What both are to run for that release.
    pub(crate) fn script(&self, release: Release, form: Form) -> Result<Script> {
        let config = match (self.text()?, &self.config_1_20) {
            (_, Some(text)) if release.minor == 20 => Some(older::finish(text, self, release, form)?),
            (Some(text), _) => Some(older::turned(&text, self, release, form)?),
            (None, _) => None,
        };
        let old = release.minor == 20;
        let steps = if old { self.steps_1_20.as_ref().unwrap_or(&self.steps) } else { &self.steps };
        let flags = if old { self.flags_1_20.as_ref().unwrap_or(&self.flags) } else { &self.flags };
        let mut lines: Vec<String> = self.before.iter().cloned().collect();
        if steps.is_empty() {
            lines.push(self.dry_run(config.is_some(), flags));
        }
        lines.extend(steps.iter().cloned());
        let exports: String =
            self.environment.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
        let filled = |line: String| {
            let line = line.replace("{config}", "/mnt/case/config.yaml").replace("{version}", &release.to_string());
            format!("{exports}{line}")
        };
        Ok(Script { config, steps: lines.into_iter().map(filled).collect() })
    }

    /// The documents as a text.
    fn text(&self) -> Result<Option<String>> {
        let kinds = [
            (&self.init, "kubeadm.k8s.io/v1beta4", "InitConfiguration"),
            (&self.cluster, "kubeadm.k8s.io/v1beta4", "ClusterConfiguration"),
            (&self.kubelet, "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"),
            (&self.proxy, "kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration"),
        ];
        let mut texts: Vec<String> = self.config.iter().cloned().collect();
        for (fields, version, kind) in kinds {
            let Some(fields) = fields else { continue };
            let mut document = fields.clone();
            document["apiVersion"] = json!(version);
            document["kind"] = json!(kind);
            texts.push(serde_saphyr::to_string(&document).map_err(|error| DifferentialError::data(&self.name, error))?);
        }
        Ok(Some(texts.join("---\n")).filter(|text| !text.is_empty()))
    }

    fn dry_run(&self, config: bool, flags: &[String]) -> String {
        // The checks look at the machine, not at the configuration.
        let skips = flags.iter().any(|flag| flag.starts_with("--skip-phases"));
        let mut line = "kubeadm init --dry-run --ignore-preflight-errors=all".to_owned();
        if !skips {
            line += " --skip-phases=preflight";
        }
        if config {
            line += " --config {config}";
        } else if !self.as_is {
            line += " --kubernetes-version {version}";
        }
        if !config && !self.rsa && !flags.iter().any(|flag| flag.starts_with("--feature-gates")) {
            line += " --feature-gates=PublicKeysECDSA=true";
        }
        for flag in flags {
            line += &format!(" '{flag}'");
        }
        line
    }
}
