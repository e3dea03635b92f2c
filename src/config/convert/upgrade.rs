//! UpgradeConfiguration to the internal form.

use camino::Utf8PathBuf;

use crate::convert::init;
use crate::defaults;
use crate::error::ConfigError;
use crate::model::{UpgradeApply, UpgradeConfiguration, UpgradeDiff, UpgradeNode, UpgradePlan};
use crate::v1beta4;
use crate::validate::Check;
use crate::version::label;

/// Converts the settings of the commands `upgrade …`.
pub(crate) fn upgrade(wire: v1beta4::UpgradeConfiguration, check: &mut Check<'_>) -> UpgradeConfiguration {
    let v1beta4::UpgradeConfiguration { apply, diff, node, plan, timeouts } = wire;
    UpgradeConfiguration {
        apply: UpgradeApply {
            kubernetes_version: version("apply.kubernetesVersion", apply.kubernetes_version, check),
            allow_experimental_upgrades: apply.allow_experimental_upgrades.unwrap_or(false),
            allow_rc_upgrades: apply.allow_rc_upgrades.unwrap_or(false),
            force_upgrade: apply.force_upgrade.unwrap_or(false),
            print_config: apply.print_config.unwrap_or(false),
            node: UpgradeNode {
                certificate_renewal: apply.certificate_renewal.unwrap_or(true),
                dry_run: apply.dry_run.unwrap_or(false),
                etcd_upgrade: apply.etcd_upgrade.unwrap_or(true),
                ignore_preflight_errors: init::ignored_in(
                    "apply.ignorePreflightErrors",
                    apply.ignore_preflight_errors,
                    check,
                ),
                skip_phases: apply.skip_phases,
                patches_directory: patches("apply.patches.directory", apply.patches, check),
                image_pull_policy: init::pull_policy("apply.imagePullPolicy", &apply.image_pull_policy, check),
                image_pull_serial: apply.image_pull_serial.unwrap_or(true),
            },
        },
        diff: UpgradeDiff {
            kubernetes_version: version("diff.kubernetesVersion", diff.kubernetes_version, check),
            context_lines: context_lines(diff.context_lines, check),
        },
        node: UpgradeNode {
            certificate_renewal: node.certificate_renewal.unwrap_or(true),
            dry_run: node.dry_run.unwrap_or(false),
            etcd_upgrade: node.etcd_upgrade.unwrap_or(true),
            ignore_preflight_errors: init::ignored_in(
                "node.ignorePreflightErrors",
                node.ignore_preflight_errors,
                check,
            ),
            skip_phases: node.skip_phases,
            patches_directory: patches("node.patches.directory", node.patches, check),
            image_pull_policy: init::pull_policy("node.imagePullPolicy", &node.image_pull_policy, check),
            image_pull_serial: node.image_pull_serial.unwrap_or(true),
        },
        plan: UpgradePlan {
            kubernetes_version: version("plan.kubernetesVersion", plan.kubernetes_version, check),
            allow_experimental_upgrades: plan.allow_experimental_upgrades.unwrap_or(false),
            allow_rc_upgrades: plan.allow_rc_upgrades.unwrap_or(false),
            dry_run: plan.dry_run.unwrap_or(false),
            etcd_upgrade: plan.etcd_upgrade.unwrap_or(true),
            ignore_preflight_errors: init::ignored_in(
                "plan.ignorePreflightErrors",
                plan.ignore_preflight_errors,
                check,
            ),
            print_config: plan.print_config.unwrap_or(false),
        },
        timeouts: defaults::timeouts(timeouts),
    }
}

/// Checks that text is a version or a label; the text stays, since what a label means is told when it is used.
fn version(field: &str, text: String, check: &mut Check<'_>) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if let Err((reason, fix)) = label::resolve(&text) {
        check.invalid(field, &text, reason, fix);
    }
    Some(text)
}

/// An upgrade's patches must be named absolutely, and a `patches` without a directory names none.
fn patches(field: &str, wire: Option<v1beta4::Patches>, check: &mut Check<'_>) -> Option<Utf8PathBuf> {
    wire.map(|patches| check.absolute_path(field, &patches.directory))
}

fn context_lines(lines: i32, check: &mut Check<'_>) -> Option<u32> {
    match u32::try_from(lines) {
        Ok(0) => None,
        Ok(lines) => Some(lines),
        Err(_) => {
            let error = ConfigError::number("diff.contextLines", lines, "must not be negative");
            check.error(error.hint("for example 3"));
            None
        }
    }
}
