#![allow(clippy::unwrap_used)]

use super::*;
use crate::{ConfigErrors, load_upgrade};

const FILE: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: UpgradeConfiguration
apply:
  kubernetesVersion: v1.36.1
  etcdUpgrade: false
  forceUpgrade: true
  ignorePreflightErrors: [CreateJob]
  skipPhases: [addon]
  patches: {directory: /etc/kubernetes/patches}
plan: {allowRCUpgrades: true, ignorePreflightErrors: [ALL]}
node: {certificateRenewal: false}
diff: {contextLines: 5}
timeouts: {upgradeManifests: 30s}
";

fn of_file(flags: &UpgradeFlags) -> Result<UpgradeConfiguration, ConfigErrors> {
    load_upgrade(Some(("f", FILE.as_bytes())), flags).map(|(upgrade, _)| upgrade)
}

#[test]
fn without_flags_the_file_decides() {
    let upgrade = of_file(&UpgradeFlags::default()).unwrap();
    assert_eq!(upgrade.apply.kubernetes_version.as_deref(), Some("v1.36.1"));
    assert!(!upgrade.apply.node.etcd_upgrade && upgrade.apply.force_upgrade && upgrade.apply.node.certificate_renewal);
    assert!(upgrade.plan.allow_rc_upgrades && upgrade.plan.etcd_upgrade);
    assert!(!upgrade.node.certificate_renewal);
    assert_eq!(upgrade.diff.context_lines, Some(5));
    assert_eq!(upgrade.timeouts.upgrade_manifests.as_secs(), 30);
}

#[test]
fn without_a_file_there_are_defaults_and_flags() {
    let (upgrade, warnings) = load_upgrade(None, &UpgradeFlags::default()).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(upgrade.timeouts.upgrade_manifests.as_secs(), 300);
    assert!(upgrade.apply.node.certificate_renewal && upgrade.apply.node.etcd_upgrade && !upgrade.apply.force_upgrade);
    let flags = UpgradeFlags {
        command: UpgradeCommand::Apply,
        kubernetes_version: Some("1.36.2".into()),
        certificate_renewal: Some(false),
        patches: Some("patches".into()),
        ..UpgradeFlags::default()
    };
    let (upgrade, _) = load_upgrade(None, &flags).unwrap();
    assert_eq!(upgrade.apply.kubernetes_version.as_deref(), Some("1.36.2"));
    assert!(!upgrade.apply.node.certificate_renewal && upgrade.node.certificate_renewal);
    // Where the flag names it, it may be relative, as in kubeadm.
    assert_eq!(upgrade.apply.node.patches_directory.unwrap(), "patches");
}

#[test]
fn a_flag_wins_over_the_file_of_its_command_only() {
    let flags = UpgradeFlags {
        command: UpgradeCommand::Apply,
        kubernetes_version: Some("v1.36.2".into()),
        etcd_upgrade: Some(true),
        force: Some(false),
        skip_phases: vec!["preflight".into()],
        ignore_preflight_errors: Some(vec!["Swap".into(), "createjob".into()]),
        ..UpgradeFlags::default()
    };
    let upgrade = of_file(&flags).unwrap();
    assert_eq!(upgrade.apply.kubernetes_version.as_deref(), Some("v1.36.2"));
    assert!(upgrade.apply.node.etcd_upgrade && !upgrade.apply.force_upgrade);
    // Phases are replaced, checks are united.
    assert_eq!(upgrade.apply.node.skip_phases, ["preflight"]);
    assert_eq!(upgrade.apply.node.ignore_preflight_errors, ["createjob", "swap"]);
    assert_eq!(upgrade.plan.kubernetes_version, None);
}

#[test]
fn faults_of_flags_name_the_flag() {
    let flags = UpgradeFlags {
        kubernetes_version: Some("newest".into()),
        ignore_preflight_errors: Some(vec!["all".into(), "Swap".into()]),
        ..UpgradeFlags::default()
    };
    let errors = load_upgrade(None, &flags).unwrap_err();
    assert!(errors.file.is_none());
    let hints: Vec<_> = errors.errors.iter().filter_map(|error| error.hint.as_deref()).collect();
    assert!(hints[0].contains("the argument [version]"), "{hints:?}");
    assert!(hints[1].contains("--ignore-preflight-errors"), "{hints:?}");
    // `all` of the file and a name of the flag cannot be united.
    let flags = UpgradeFlags { ignore_preflight_errors: Some(vec!["Swap".into()]), ..UpgradeFlags::default() };
    assert_eq!(of_file(&flags).unwrap_err().errors[0].field, "plan.ignorePreflightErrors");
}

#[test]
fn context_lines_of_the_flag_are_checked() {
    let flags =
        |lines| UpgradeFlags { command: UpgradeCommand::Diff, context_lines: Some(lines), ..UpgradeFlags::default() };
    assert_eq!(of_file(&flags(1)).unwrap().diff.context_lines, Some(1));
    assert_eq!(of_file(&flags(-1)).unwrap_err().errors[0].field, "diff.contextLines");
}
