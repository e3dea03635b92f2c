//! The flags of `reset` as plain fields, and how they become a document. kubeadm: `cmd/reset.go`.

use crate::reading::Reading;
use crate::v1beta4;

/// Every flag of `reset` and its phases that is part of the configuration; `None` means that it was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResetFlags {
    /// `--cert-dir`.
    pub cert_dir: Option<String>,
    /// `--cleanup-tmp-dir`.
    pub cleanup_tmp_dir: Option<bool>,
    /// `--cri-socket`, or what the node's own files say.
    pub cri_socket: Option<String>,
    /// `--dry-run`.
    pub dry_run: Option<bool>,
    /// `--force`.
    pub force: Option<bool>,
    /// `--ignore-preflight-errors`.
    pub ignore_preflight_errors: Option<Vec<String>>,
    /// Set where the command has no `--cri-socket`: the default socket is taken without a look at the machine.
    pub skip_cri_detection: bool,
    /// `--strict`, ours: what the file has no meaning for is an error.
    pub strict: bool,
}

impl ResetFlags {
    /// Tells how a file is read.
    pub(crate) fn reading(&self) -> Reading {
        Reading { strict: self.strict, ..Reading::default() }
    }

    /// Lays the flags over a document: what was given on the command line wins.
    pub(crate) fn over(&self, mut wire: v1beta4::ResetConfiguration) -> v1beta4::ResetConfiguration {
        let text = |flag: &Option<String>, field: &mut String| {
            if let Some(flag) = flag {
                flag.clone_into(field);
            }
        };
        text(&self.cert_dir, &mut wire.certificates_dir);
        if wire.cri_socket.is_empty() {
            text(&self.cri_socket, &mut wire.cri_socket);
        }
        wire.ignore_preflight_errors.extend(self.ignore_preflight_errors.clone().unwrap_or_default());
        wire.cleanup_tmp_dir = self.cleanup_tmp_dir.unwrap_or(wire.cleanup_tmp_dir);
        wire.dry_run = self.dry_run.unwrap_or(wire.dry_run);
        wire.force = self.force.unwrap_or(wire.force);
        wire
    }
}

/// Names the flag that sets a field, for errors about settings that no file names.
pub(crate) fn flag_of(field: &str) -> Option<&'static str> {
    const FLAGS: [(&str, &str); 3] = [
        ("certificatesDir", "--cert-dir"),
        ("criSocket", "--cri-socket"),
        ("ignorePreflightErrors", "--ignore-preflight-errors"),
    ];
    FLAGS.iter().find(|(prefix, _)| field.starts_with(prefix)).map(|(_, flag)| *flag)
}
