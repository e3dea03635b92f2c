//! `--rootfs`: the whole program in another root, as kubeadm does it for those who run it in a container.

use camino::Utf8Path;
use kubewright_engine::{Failure, FailureContext};

/// Changes the root, before anything is looked at.
///
/// # Errors
/// The directory is not there, or we may not.
pub fn enter(root: &Utf8Path) -> Result<(), Failure> {
    let doing = || format!("unable to chroot to {root}");
    let hint = match rustix::process::geteuid().is_root() {
        true => "name a directory that holds a whole root file system",
        false => "run the same command with sudo: changing the root needs it",
    };
    rustix::process::chroot(root.as_str()).context(doing()).hint(hint)?;
    // Without this, relative paths would still lead out of it.
    rustix::process::chdir("/").context(doing())
}
