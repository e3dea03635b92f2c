//! What the phases of `reset` share.

use kubewright_engine::JournalError;
use kubewright_node::FileError;
use kubewright_node::trees::{Cleared, Left, Why};

use crate::prelude::*;

/// Tells what of a directory stays, and why.
pub fn tell_left(directory: &Utf8Path, cleared: &Cleared, report: &Report) {
    for Left { path, why } in &cleared.left {
        match why {
            Why::Mounted => report.warn(format!(
                "`{path}` is a mount that neither the kubelet nor its pods made: it is left, with all that is in it"
            )),
            Why::Refused(words) => report
                .warn(format!("[reset] Failed to delete contents of {directory:?} directory: `{path}` stays: {words}")),
        }
    }
}

/// Lets the rest of the node be emptied when one thing failed, as kubeadm does: gives the failure back to be told. Not
/// when it could not be written down: then nothing more may be changed, or nobody would know of it.
///
/// # Errors
/// The journal could not be written.
pub fn go_on(failure: Failure) -> Result<Failure, Failure> {
    let file = matches!(failure.cause(), Some(FileError::Journal(_)));
    match file || failure.cause::<JournalError>().is_some() {
        true => Err(failure),
        false => Ok(failure),
    }
}
