//! UpgradeConfiguration. What is off by default is left out, as kubeadm leaves out what nobody set.

use super::init::{patches, timeouts};
use crate::model::{UpgradeApply, UpgradeConfiguration, UpgradeNode, UpgradePlan};
use crate::v1beta4;

/// Converts an UpgradeConfiguration.
pub(crate) fn upgrade(upgrade: &UpgradeConfiguration) -> v1beta4::UpgradeConfiguration {
    v1beta4::UpgradeConfiguration {
        apply: apply(&upgrade.apply),
        diff: v1beta4::UpgradeDiffConfiguration {
            kubernetes_version: version(upgrade.diff.kubernetes_version.as_ref()),
            context_lines: upgrade.diff.context_lines.and_then(|lines| i32::try_from(lines).ok()).unwrap_or(0),
        },
        node: node(&upgrade.node),
        plan: plan(&upgrade.plan),
        timeouts: Some(timeouts(&upgrade.timeouts)),
    }
}

fn apply(apply: &UpgradeApply) -> v1beta4::UpgradeApplyConfiguration {
    let node = node(&apply.node);
    v1beta4::UpgradeApplyConfiguration {
        kubernetes_version: version(apply.kubernetes_version.as_ref()),
        allow_experimental_upgrades: on(apply.allow_experimental_upgrades),
        allow_rc_upgrades: on(apply.allow_rc_upgrades),
        certificate_renewal: node.certificate_renewal,
        dry_run: node.dry_run,
        etcd_upgrade: node.etcd_upgrade,
        force_upgrade: on(apply.force_upgrade),
        ignore_preflight_errors: node.ignore_preflight_errors,
        patches: node.patches,
        print_config: on(apply.print_config),
        skip_phases: node.skip_phases,
        image_pull_policy: node.image_pull_policy,
        image_pull_serial: node.image_pull_serial,
    }
}

fn node(node: &UpgradeNode) -> v1beta4::UpgradeNodeConfiguration {
    v1beta4::UpgradeNodeConfiguration {
        certificate_renewal: Some(node.certificate_renewal),
        dry_run: on(node.dry_run),
        etcd_upgrade: Some(node.etcd_upgrade),
        ignore_preflight_errors: node.ignore_preflight_errors.clone(),
        skip_phases: node.skip_phases.clone(),
        patches: patches(node.patches_directory.as_deref()),
        image_pull_policy: node.image_pull_policy.as_str().to_owned(),
        image_pull_serial: Some(node.image_pull_serial),
    }
}

fn plan(plan: &UpgradePlan) -> v1beta4::UpgradePlanConfiguration {
    v1beta4::UpgradePlanConfiguration {
        kubernetes_version: version(plan.kubernetes_version.as_ref()),
        allow_experimental_upgrades: on(plan.allow_experimental_upgrades),
        allow_rc_upgrades: on(plan.allow_rc_upgrades),
        dry_run: on(plan.dry_run),
        etcd_upgrade: Some(plan.etcd_upgrade),
        ignore_preflight_errors: plan.ignore_preflight_errors.clone(),
        print_config: on(plan.print_config),
    }
}

fn version(version: Option<&String>) -> String {
    version.cloned().unwrap_or_default()
}

fn on(flag: bool) -> Option<bool> {
    flag.then_some(true)
}
