//! UpgradeConfiguration to the internal form.

use camino::Utf8PathBuf;

use crate::convert::init;
use crate::defaults;
use crate::error::ConfigError;
use crate::model::{UpgradeApply, UpgradeConfiguration, UpgradeDiff, UpgradeNode, UpgradePlan};
use crate::v1beta4;
use crate::validate::Check;
use crate::version::label;
use crate::yaml;

/// Converts the settings of the commands `upgrade …`.
pub(crate) fn upgrade(wire: v1beta4::UpgradeConfiguration, check: &mut Check<'_>) -> UpgradeConfiguration {
    let v1beta4::UpgradeConfiguration { apply, diff, node: of_node, plan, timeouts } = wire;
    let node_of_apply = v1beta4::UpgradeNodeConfiguration {
        certificate_renewal: apply.certificate_renewal,
        dry_run: apply.dry_run,
        etcd_upgrade: apply.etcd_upgrade,
        ignore_preflight_errors: apply.ignore_preflight_errors,
        skip_phases: apply.skip_phases,
        patches: apply.patches,
        image_pull_policy: apply.image_pull_policy,
        image_pull_serial: apply.image_pull_serial,
    };
    UpgradeConfiguration {
        apply: UpgradeApply {
            kubernetes_version: version("apply.kubernetesVersion", apply.kubernetes_version, check),
            allow_experimental_upgrades: apply.allow_experimental_upgrades.unwrap_or(false),
            allow_rc_upgrades: apply.allow_rc_upgrades.unwrap_or(false),
            force_upgrade: apply.force_upgrade.unwrap_or(false),
            print_config: apply.print_config.unwrap_or(false),
            node: node("apply", node_of_apply, check),
        },
        diff: UpgradeDiff {
            kubernetes_version: version("diff.kubernetesVersion", diff.kubernetes_version, check),
            context_lines: context_lines(diff.context_lines, check),
        },
        node: node("node", of_node, check),
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

/// What `upgrade apply` and `upgrade node` do on the node; the field is that of the command.
fn node(field: &str, wire: v1beta4::UpgradeNodeConfiguration, check: &mut Check<'_>) -> UpgradeNode {
    let within = |name| yaml::child(field, name);
    UpgradeNode {
        certificate_renewal: wire.certificate_renewal.unwrap_or(true),
        dry_run: wire.dry_run.unwrap_or(false),
        etcd_upgrade: wire.etcd_upgrade.unwrap_or(true),
        ignore_preflight_errors: init::ignored_in(
            &within("ignorePreflightErrors"),
            wire.ignore_preflight_errors,
            check,
        ),
        skip_phases: wire.skip_phases,
        patches_directory: patches(&within("patches.directory"), wire.patches, check),
        image_pull_policy: init::pull_policy(&within("imagePullPolicy"), &wire.image_pull_policy, check),
        image_pull_serial: wire.image_pull_serial.unwrap_or(true),
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
