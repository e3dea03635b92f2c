//! ResetConfiguration to the internal form.

use crate::convert::{Machine, init};
use crate::defaults;
use crate::facts::VersionFacts;
use crate::model::{ResetConfiguration, UnmountFlag};
use crate::v1beta4;
use crate::validate::Check;
use crate::yaml;

/// Converts the settings of one `reset`.
///
/// `facts` tell only which sockets are looked for.
pub(crate) fn reset(
    mut wire: v1beta4::ResetConfiguration,
    facts: &VersionFacts,
    machine: &Machine<'_>,
    check: &mut Check<'_>,
) -> ResetConfiguration {
    defaults::text(&mut wire.certificates_dir, defaults::CERTIFICATES_DIR);
    let socket = init::cri_socket("criSocket", &wire.cri_socket, facts, machine, check);
    ResetConfiguration {
        cleanup_tmp_dir: wire.cleanup_tmp_dir,
        certificates_dir: check.absolute_path("certificatesDir", &wire.certificates_dir),
        cri_socket: socket,
        dry_run: wire.dry_run,
        force: wire.force,
        ignore_preflight_errors: init::ignored_in("ignorePreflightErrors", wire.ignore_preflight_errors, check),
        skip_phases: wire.skip_phases,
        unmount_flags: unmount_flags(&wire.unmount_flags, check),
        timeouts: defaults::timeouts(wire.timeouts),
    }
}

fn unmount_flags(names: &[String], check: &mut Check<'_>) -> Vec<UnmountFlag> {
    let parse = |(index, name): (usize, &String)| {
        let flag = UnmountFlag::from_name(name);
        if flag.is_none() {
            check.one_of(&yaml::item("unmountFlags", index), name, &UnmountFlag::ALL.map(UnmountFlag::as_str));
        }
        flag
    };
    names.iter().enumerate().filter_map(parse).collect()
}
