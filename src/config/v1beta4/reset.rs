//! ResetConfiguration of v1beta4.

use super::init::Timeouts;
use crate::wire::wire;

wire! {
    /// Settings of one `reset` on one node.
    ResetConfiguration {
        /// Whether /etc/kubernetes/tmp is emptied too.
        "cleanupTmpDir" cleanup_tmp_dir: bool,
        /// Directory of certificates and keys, which is emptied; /etc/kubernetes/pki by default.
        "certificatesDir" certificates_dir: String [absolute_path],
        /// The container runtime's socket, to remove containers. Detected if empty.
        "criSocket" cri_socket: String [socket],
        /// Tells what would be done, and changes nothing.
        "dryRun" dry_run: bool,
        /// Does not ask before it begins.
        "force" force: bool,
        /// Names of checks whose errors become warnings, or just `all`.
        "ignorePreflightErrors" ignore_preflight_errors: Vec<String>,
        /// Phases to leave out. The flag --skip-phases wins over it.
        "skipPhases" skip_phases: Vec<String>,
        /// Flags of umount2() for the kubelet's directories; none by default.
        "unmountFlags" unmount_flags: Vec<String> [unmount_flag],
        /// How long to wait for what.
        "timeouts" timeouts: Option<Timeouts>,
    }
}
