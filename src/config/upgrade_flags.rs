//! The flags of the commands `upgrade …` as plain fields, and how they are laid over a document. kubeadm:
//! `cmd/upgrade/common.go`, `ValueFromFlagsOrConfig`.

use crate::model::UpgradeConfiguration;
use crate::reading::Reading;
use crate::v1beta4;

/// Which of the four settings the flags belong to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UpgradeCommand {
    /// `upgrade plan`.
    #[default]
    Plan,
    /// `upgrade apply`.
    Apply,
    /// `upgrade node`.
    Node,
    /// `upgrade diff`.
    Diff,
}

/// Every flag of `upgrade …`; `None` or empty means that it was not given, or that the command has none such.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpgradeFlags {
    /// Whose flags they are.
    pub command: UpgradeCommand,
    /// The argument: the version.
    pub kubernetes_version: Option<String>,
    /// `--allow-experimental-upgrades`.
    pub allow_experimental_upgrades: Option<bool>,
    /// `--allow-release-candidate-upgrades`.
    pub allow_rc_upgrades: Option<bool>,
    /// `--certificate-renewal`.
    pub certificate_renewal: Option<bool>,
    /// `--context-lines`.
    pub context_lines: Option<i32>,
    /// `--dry-run`.
    pub dry_run: Option<bool>,
    /// `--etcd-upgrade`.
    pub etcd_upgrade: Option<bool>,
    /// `--force`.
    pub force: Option<bool>,
    /// `--ignore-preflight-errors`, which add to those of the file.
    pub ignore_preflight_errors: Option<Vec<String>>,
    /// `--patches`.
    pub patches: Option<String>,
    /// `--print-config`.
    pub print_config: Option<bool>,
    /// `--skip-phases`, which replace those of the file.
    pub skip_phases: Vec<String>,
    /// `--strict`, ours: what the file has no meaning for is an error.
    pub strict: bool,
}

impl UpgradeFlags {
    /// Tells how a file is read.
    pub(crate) fn reading(&self) -> Reading {
        Reading { strict: self.strict, ..Reading::default() }
    }

    /// Writes what was given over the settings of the command.
    pub(crate) fn lay_over(&self, wire: &mut v1beta4::UpgradeConfiguration) {
        match self.command {
            UpgradeCommand::Plan => {
                let plan = &mut wire.plan;
                lay(&mut plan.kubernetes_version, &self.kubernetes_version);
                lay_some(&mut plan.allow_experimental_upgrades, self.allow_experimental_upgrades);
                lay_some(&mut plan.allow_rc_upgrades, self.allow_rc_upgrades);
                lay_some(&mut plan.etcd_upgrade, self.etcd_upgrade);
                lay_some(&mut plan.print_config, self.print_config);
                plan.ignore_preflight_errors.extend(self.ignore_preflight_errors.iter().flatten().cloned());
            }
            UpgradeCommand::Apply => {
                let apply = &mut wire.apply;
                lay(&mut apply.kubernetes_version, &self.kubernetes_version);
                lay_some(&mut apply.allow_experimental_upgrades, self.allow_experimental_upgrades);
                lay_some(&mut apply.allow_rc_upgrades, self.allow_rc_upgrades);
                lay_some(&mut apply.certificate_renewal, self.certificate_renewal);
                lay_some(&mut apply.dry_run, self.dry_run);
                lay_some(&mut apply.etcd_upgrade, self.etcd_upgrade);
                lay_some(&mut apply.force_upgrade, self.force);
                lay_some(&mut apply.print_config, self.print_config);
                apply.ignore_preflight_errors.extend(self.ignore_preflight_errors.iter().flatten().cloned());
                lay_list(&mut apply.skip_phases, &self.skip_phases);
            }
            UpgradeCommand::Node => {
                let node = &mut wire.node;
                lay_some(&mut node.certificate_renewal, self.certificate_renewal);
                lay_some(&mut node.dry_run, self.dry_run);
                lay_some(&mut node.etcd_upgrade, self.etcd_upgrade);
                node.ignore_preflight_errors.extend(self.ignore_preflight_errors.iter().flatten().cloned());
                lay_list(&mut node.skip_phases, &self.skip_phases);
            }
            UpgradeCommand::Diff => {
                lay(&mut wire.diff.kubernetes_version, &self.kubernetes_version);
                lay(&mut wire.diff.context_lines, &self.context_lines);
            }
        }
    }

    /// Names the directory of patches. A flag may name it relative to where the command is run; a file must not.
    pub(crate) fn name_patches(&self, upgrade: &mut UpgradeConfiguration) {
        let Some(directory) = &self.patches else { return };
        match self.command {
            UpgradeCommand::Apply => upgrade.apply.node.patches_directory = Some(directory.into()),
            UpgradeCommand::Node => upgrade.node.patches_directory = Some(directory.into()),
            UpgradeCommand::Plan | UpgradeCommand::Diff => {}
        }
    }
}

fn lay<T: Clone>(field: &mut T, given: &Option<T>) {
    if let Some(given) = given {
        field.clone_from(given);
    }
}

fn lay_some<T>(field: &mut Option<T>, given: Option<T>) {
    if given.is_some() {
        *field = given;
    }
}

fn lay_list(field: &mut Vec<String>, given: &[String]) {
    if !given.is_empty() {
        *field = given.to_vec();
    }
}

/// Names the flag that sets a field, for errors about settings that no file names.
pub(crate) fn flag_of(field: &str) -> Option<&'static str> {
    const FLAGS: [(&str, &str); 4] = [
        ("kubernetesVersion", "the argument [version]"),
        ("contextLines", "--context-lines"),
        ("ignorePreflightErrors", "--ignore-preflight-errors"),
        ("skipPhases", "--skip-phases"),
    ];
    let (_, own) = field.split_once('.')?;
    FLAGS.iter().find(|(name, _)| own.starts_with(name)).map(|(_, flag)| *flag)
}

#[cfg(test)]
mod tests;
