//! ResetConfiguration: how a node is emptied.

use camino::Utf8PathBuf;
use kubewright_value::Value;

use super::Timeouts;

/// The settings of one `reset` on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetConfiguration {
    /// Whether `/etc/kubernetes/tmp` is emptied too.
    pub cleanup_tmp_dir: bool,
    /// Where certificates and keys are, absolute.
    pub certificates_dir: Utf8PathBuf,
    /// Container runtime's socket, as a URL (`unix:///…`).
    pub cri_socket: String,
    /// Whether nothing may change.
    pub dry_run: bool,
    /// Whether nobody is asked first.
    pub force: bool,
    /// Names of checks whose errors are warnings, lower-case and sorted; may be just `all`.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases to leave out, as the file names them.
    pub skip_phases: Vec<String>,
    /// Flags of `umount2()` for the kubelet's directories.
    pub unmount_flags: Vec<UnmountFlag>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl Value for ResetConfiguration {
    const NAME: &'static str = "ResetConfiguration";
}

/// A flag of `umount2()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnmountFlag {
    /// `MNT_FORCE`.
    Force,
    /// `MNT_DETACH`.
    Detach,
    /// `MNT_EXPIRE`.
    Expire,
    /// `UMOUNT_NOFOLLOW`.
    NoFollow,
}

impl UnmountFlag {
    /// Every flag.
    pub const ALL: [Self; 4] = [Self::Force, Self::Detach, Self::Expire, Self::NoFollow];

    /// Returns the name that configuration files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Force => "MNT_FORCE",
            Self::Detach => "MNT_DETACH",
            Self::Expire => "MNT_EXPIRE",
            Self::NoFollow => "UMOUNT_NOFOLLOW",
        }
    }

    /// Finds the flag of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.as_str() == name)
    }
}
