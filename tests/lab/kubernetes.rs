//! The Kubernetes that a lab runs: a directory of binaries, their version, and the names of their images.

use std::path::{Path, PathBuf};

use kubewright_config::{KubernetesVersion, VersionFacts, facts_for};

use crate::{
    debian_build,
    error::{LabError, Result},
    layout::Cache,
    program::{find, output, program},
};

/// A directory of Kubernetes binaries, looked over and fit for use.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    dir: PathBuf,
    facts: VersionFacts,
    etcd_tag: String,
    pause: PathBuf,
}

impl Kubernetes {
    /// Takes the binaries in that directory, or those of Debian's source package, built on first use.
    ///
    /// # Errors
    /// When a binary is missing or the kubelet does not tell its version.
    pub fn open(cache: &Cache, dir: Option<&Path>) -> Result<Self> {
        let dir = match dir {
            Some(dir) => dir.canonicalize().map_err(LabError::file("find", dir))?,
            None => debian_build::ensure(cache, debian_build::DEBIAN_RELEASE)?,
        };
        if let Some(absent) = NEEDED.iter().find(|name| !dir.join(name).is_file()) {
            let hint = format!("it must hold {}", NEEDED.join(", "));
            return Err(LabError::missing(format!("`{}` has no `{absent}`", dir.display()), hint));
        }
        let said = output(&mut program(dir.join("kubelet"), ["--version"]))?;
        let version = parse_version(&said).ok_or_else(|| {
            LabError::missing(format!("the kubelet says `{}`", said.trim()), "expected `Kubernetes v1.N.N`")
        })?;
        let unknown = |error| LabError::missing(format!("{error}"), "the lab runs what kubewright knows");
        let facts = facts_for(&version).map_err(unknown)?;
        let pause = Some(dir.join("pause")).filter(|file| file.is_file());
        let pause = match pause {
            Some(pause) => pause,
            None => debian_build::ensure(cache, debian_build::DEBIAN_RELEASE)?.join("pause"),
        };
        let etcd = find("etcd", &[&dir]).ok_or_else(|| LabError::missing("no `etcd`", "install etcd-server"))?;
        let etcd_tag = etcd_tag(&facts.images.etcd, &output(&mut program(etcd, ["--version"]))?);
        Ok(Self { dir, facts, etcd_tag, pause })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The version that the kubelet tells.
    pub fn version(&self) -> &KubernetesVersion {
        &self.facts.version
    }

    /// What kubewright's table says about that version.
    pub fn facts(&self) -> &VersionFacts {
        &self.facts
    }

    /// Where manifests of this release expect their images by default.
    pub fn repository(&self) -> &str {
        &self.facts.images.repository
    }

    /// etcd's tag on the nodes: the release's own, unless the etcd at hand is of another minor.
    pub fn etcd_tag(&self) -> &str {
        &self.etcd_tag
    }

    /// Whether a configuration must name etcd's tag, since it is not the release's own.
    pub fn etcd_differs(&self) -> bool {
        self.etcd_tag != self.facts.images.etcd
    }

    /// The pause image, in full.
    pub fn pause_image(&self) -> String {
        format!("{}/pause:{}", self.repository(), self.facts.images.pause)
    }

    /// The pause binary.
    pub(crate) fn pause(&self) -> &Path {
        &self.pause
    }

    /// A program of this directory, or else of the machine.
    pub(crate) fn find(&self, name: &str) -> Result<PathBuf> {
        let hint = format!("put it into `{}` or install its package", self.dir.display());
        find(name, &[&self.dir]).ok_or_else(|| LabError::missing(format!("no `{name}`"), hint))
    }

    /// Whether the peer came with the binaries.
    pub fn has_kubeadm(&self) -> bool {
        self.dir.join("kubeadm").is_file()
    }
}

fn parse_version(said: &str) -> Option<KubernetesVersion> {
    said.trim().strip_prefix("Kubernetes ")?.parse().ok()
}

/// Manifests choose etcd's flags by its tag, so a 3.5 must not go by a 3.6 tag; patch levels do not matter.
fn etcd_tag(own: &str, said: &str) -> String {
    let minor = |version: &str| version.split('.').take(2).collect::<Vec<_>>().join(".");
    match said.lines().find_map(|line| line.strip_prefix("etcd Version: ")) {
        Some(actual) if minor(actual.trim()) != minor(own) => format!("{}-0", actual.trim()),
        _ => own.to_owned(),
    }
}

const NEEDED: [&str; 6] =
    ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reads_what_a_kubelet_says() {
        assert_eq!(parse_version("Kubernetes v1.20.2\n").unwrap().to_string(), "v1.20.2");
        assert_eq!(parse_version("kubelet 1.20"), None);
    }

    #[test]
    fn an_etcd_of_another_minor_goes_by_its_own_tag() {
        assert_eq!(etcd_tag("3.4.13-0", "etcd Version: 3.4.23\nGit SHA: x"), "3.4.13-0");
        assert_eq!(etcd_tag("3.6.8-0", "etcd Version: 3.5.30\n"), "3.5.30-0");
    }
}
