//! What was changed, as data. Paths, modes and digests only: contents never pass through here.

use std::fmt;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// The SHA-256 digest of a file's contents, in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(pub String);

/// One file that a phase adds, replaces or removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The file's final name, absolute.
    pub path: Utf8PathBuf,
    /// Where the new contents wait until they are published; `None` when the file is removed.
    pub staged: Option<Utf8PathBuf>,
    /// Permission bits of the new file, such as `0o600`.
    pub mode: u32,
    /// Whose it is to be, user and group; `None` leaves that as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<(u32, u32)>,
    /// What stood there before; `None` for a file that is added.
    pub old: Option<Digest>,
    /// What stands there afterwards; `None` for a file that is removed.
    pub new: Option<Digest>,
}

/// One change as people and machines read it: what was done, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// A verb: `write`, `remove`, `mkdir`, `restart`, `stop`, `apply`, `patch`, `pull`.
    pub action: String,
    /// What it was done to: a path, `service kubelet`, `ConfigMap kube-system/kubeadm-config`, an image name.
    pub object: String,
}

impl Effect {
    /// Names a change.
    pub fn new(action: impl Into<String>, object: impl Into<String>) -> Self {
        Self { action: action.into(), object: object.into() }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.object)
    }
}

/// An outward effect of a phase that did not finish: files can be taken back, these cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The phase.
    pub phase: String,
    /// The effect.
    pub effect: Effect,
    /// Whether it is known to have happened. A request whose answer was an error, or never came, may have.
    pub sure: bool,
}
