//! Emptying directories and taking away what stands at a path, with all that is in it. Nothing is followed and nothing is
//! crossed: a symbolic link goes as a link, and what is mounted inside stays as it is.

use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Capability, Effect, Failure};

use crate::outward::Outward;
use crate::{Node, NodeSession};

/// What is to go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// All that is in a directory; the directory itself stays. Links on the way to it are followed if they belong to
    /// root or to us: who moved `/var/lib/etcd` elsewhere means what is there.
    ContentsOf(Utf8PathBuf),
    /// What stands at a path itself, whether file, link or directory.
    At(Utf8PathBuf),
}

impl Target {
    /// The path that was asked for.
    pub fn path(&self) -> &Utf8Path {
        match self {
            Self::ContentsOf(path) | Self::At(path) => path,
        }
    }

    fn effect(&self) -> Effect {
        match self {
            Self::ContentsOf(path) => Effect::new("empty", path.as_str()),
            Self::At(path) => Effect::new("remove", path.as_str()),
        }
    }
}

/// What went, or would go, and what stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Every path, what is in a directory before the directory.
    pub gone: Vec<String>,
    /// What stays, with the reason.
    pub left: Vec<Left>,
}

/// A path that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The path.
    pub path: String,
    /// Why.
    pub why: Why,
}

/// Why a path stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Something is mounted there, and not by us.
    Mounted,
    /// The system refused, in its own words.
    Refused(String),
}

/// Why nothing was taken away.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// An I/O call failed at the top.
    #[error("cannot {doing} `{path}`")]
    Io {
        /// `open`, `list`, `flush`, ….
        doing: &'static str,
        /// The path.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The system lives there.
    #[error("`{path}` holds `{holds}`, which is not Kubernetes's, so it is not emptied")]
    System {
        /// What was to go.
        path: Utf8PathBuf,
        /// What would have gone with it.
        holds: Utf8PathBuf,
    },
}

/// Takes trees away.
#[async_trait]
pub trait TreeBackend: Send + Sync {
    /// Where a directory really is, once links that belong to root or to us are followed; `None` when it is absent.
    async fn resolve(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, TreeError>;
    /// Says what would go and what would stay. An absent target has nothing to go.
    async fn look(&self, target: &Target) -> Result<Cleared, TreeError>;
    /// Takes it away and makes that durable; can be repeated after whatever stopped it.
    async fn clear(&self, target: &Target) -> Result<Cleared, TreeError>;
}

/// The power to take trees away. Each one is written down before and after.
pub struct Trees {
    backend: Arc<dyn TreeBackend>,
    outward: Outward,
}

impl Capability<Node> for Trees {
    const NAME: &'static str = "trees";

    fn of(session: &NodeSession) -> Self {
        Self { backend: Arc::clone(&session.backends.trees), outward: Outward::of(session) }
    }
}

impl Trees {
    /// Empties a directory; one that is empty or absent changes nothing.
    pub async fn empty(&self, directory: &Utf8Path) -> Result<Cleared, Failure> {
        self.clear(Target::ContentsOf(directory.to_owned())).await
    }

    /// Takes away what stands at a path; where nothing does, nothing changes.
    pub async fn remove(&self, path: &Utf8Path) -> Result<Cleared, Failure> {
        self.clear(Target::At(path.to_owned())).await
    }

    /// Where a directory really is, once links that belong to root or to us are followed; `None` when it is absent.
    pub async fn resolve(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, Failure> {
        Ok(self.backend.resolve(path).await?)
    }

    /// Whether anything is in a directory that would go.
    pub async fn has_contents(&self, directory: &Utf8Path) -> Result<bool, Failure> {
        Ok(!self.backend.look(&Target::ContentsOf(directory.to_owned())).await?.gone.is_empty())
    }

    async fn clear(&self, target: Target) -> Result<Cleared, Failure> {
        let path = target.path();
        if let Some(holds) = part_of_the_system(path) {
            return Err(TreeError::System { path: path.to_owned(), holds: holds.to_owned() }.into());
        }
        let seen = self.backend.look(&target).await?;
        if seen.gone.is_empty() {
            return Ok(seen);
        }
        let cleared = self.outward.perform(target.effect(), self.backend.clear(&target)).await?;
        for gone in cleared.gone.iter().filter(|gone| *gone != path) {
            self.outward.tell(Effect::new("remove", gone.as_str()));
        }
        Ok(cleared)
    }
}

/// What of the system would go with a path: the path leads to it, or above it. A wrong `--cert-dir` or data directory
/// must not cost the machine.
pub fn part_of_the_system(path: &Utf8Path) -> Option<&'static Utf8Path> {
    let mut depth = 0;
    let mut upwards = false;
    for part in path.components() {
        match part {
            camino::Utf8Component::Normal(_) => depth += 1,
            camino::Utf8Component::ParentDir => upwards = true,
            _ => {}
        }
    }
    let known = |known: &&&str| {
        let known = Utf8Path::new(**known);
        known.starts_with(path) || WHOLE.iter().any(|whole| path.starts_with(whole) && known.starts_with(whole))
    };
    match SYSTEM.iter().chain(WHOLE).find(known) {
        Some(known) => Some(Utf8Path::new(known)),
        // What is not below a directory of the root is no place for Kubernetes's own files.
        None if depth < 2 || upwards || !path.is_absolute() => Some(Utf8Path::new("/")),
        None => None,
    }
}

/// Trees that belong to the system with all that is in them.
const WHOLE: &[&str] = &["/bin", "/boot", "/dev", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr"];
/// What a machine cannot do without, or what is its users'.
const SYSTEM: &[&str] = &[
    "/etc/default",
    "/etc/passwd",
    "/etc/pki/tls",
    "/etc/ssl/certs",
    "/etc/ssl/private",
    "/etc/systemd/system",
    "/home",
    "/root/.ssh",
    "/run/systemd",
    "/var/lib/containerd",
    "/var/lib/dpkg",
    "/var/lib/kubewright",
    "/var/lib/rpm",
    "/var/lib/systemd",
    "/var/log",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_needs_is_not_emptied() {
        for path in [
            "/",
            "/etc",
            "/etc/ssl",
            "/etc/ssl/certs",
            "/usr/share/x",
            "/var",
            "/var/lib",
            "/home",
            "/root",
            "/srv",
            "/proc/1",
            "/var/lib/kubewright",
            "etc/kubernetes/pki",
            "/etc/kubernetes/../../usr",
            "/var/log",
            "/etc/pki",
        ] {
            assert!(part_of_the_system(path.into()).is_some(), "{path}");
        }
        for path in [
            "/etc/kubernetes/pki",
            "/var/lib/kubelet",
            "/var/lib/etcd",
            "/srv/etcd",
            "/data/etcd",
            "/etc/kubernetes/tmp",
            "/etc/kubernetes/admin.conf",
            "/home/me/pki",
            "/var/lib/cni",
            "/etc/pki/kubernetes",
        ] {
            assert_eq!(part_of_the_system(path.into()), None, "{path}");
        }
    }
}
