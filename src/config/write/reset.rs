//! ResetConfiguration.

use super::init::timeouts;
use crate::model::ResetConfiguration;
use crate::v1beta4;

/// Converts a ResetConfiguration.
pub(crate) fn reset(reset: &ResetConfiguration) -> v1beta4::ResetConfiguration {
    v1beta4::ResetConfiguration {
        cleanup_tmp_dir: reset.cleanup_tmp_dir,
        certificates_dir: reset.certificates_dir.to_string(),
        cri_socket: reset.cri_socket.clone(),
        dry_run: reset.dry_run,
        force: reset.force,
        ignore_preflight_errors: reset.ignore_preflight_errors.clone(),
        skip_phases: reset.skip_phases.clone(),
        unmount_flags: reset.unmount_flags.iter().map(|flag| flag.as_str().to_owned()).collect(),
        timeouts: Some(timeouts(&reset.timeouts)),
    }
}
