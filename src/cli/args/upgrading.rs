//! `upgrade apply`, `upgrade node` and `upgrade rollback`, with the phases of the first two.

use clap::{Args, Command};
use kubewright_config::{UpgradeCommand, UpgradeFlags};

use super::phases;
use super::run::{DryRun, RunArgs};
use crate::workflows;

/// kubeadm's flags of `upgrade apply`, and ours.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// The version to upgrade to, such as v1.36.3
    #[arg(value_name = "version")]
    pub target: Option<String>,
    /// Show unstable versions of Kubernetes as an upgrade alternative and allow upgrading to an alpha/beta/release candidate version of Kubernetes
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = super::bool_parser())]
    pub allow_experimental_upgrades: Option<bool>,
    /// Show release candidate versions of Kubernetes as an upgrade alternative and allow upgrading to a release candidate version of Kubernetes
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = super::bool_parser())]
    pub allow_release_candidate_upgrades: Option<bool>,
    /// Perform the renewal of certificates used by component changed during upgrades [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = super::bool_parser())]
    pub certificate_renewal: Option<bool>,
    /// Perform the upgrade of etcd [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = super::bool_parser())]
    pub etcd_upgrade: Option<bool>,
    /// Force upgrading although some requirements might not be met. This also implies non-interactive mode
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = super::bool_parser())]
    pub force: Option<bool>,
    /// The kubeconfig file to use when talking to the cluster [default: /etc/kubernetes/admin.conf]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<String>,
    /// Path to a directory that contains files named "target[suffix][+patchtype].extension"
    #[arg(long, value_name = "DIR")]
    pub patches: Option<String>,
    /// Specifies whether the configuration file that will be used in the upgrade should be printed or not
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = super::bool_parser())]
    pub print_config: Option<bool>,
    /// Versions to pass through on the way, in order; each is a whole upgrade, held against the same rules
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',')]
    pub through: Vec<String>,
    /// Let a way back put etcd's data back too, if etcd itself had been replaced; only where etcd has one member
    #[arg(long)]
    pub restore_etcd: bool,
    /// Perform the upgrade and do not prompt for confirmation (non-interactive mode)
    #[arg(short, long)]
    pub yes: bool,
    /// What all workflows take.
    #[command(flatten)]
    pub run: RunArgs,
}

impl ApplyArgs {
    /// The flags in the configuration's terms.
    pub fn flags(&self) -> UpgradeFlags {
        UpgradeFlags {
            command: UpgradeCommand::Apply,
            kubernetes_version: self.target.clone(),
            allow_experimental_upgrades: self.allow_experimental_upgrades,
            allow_rc_upgrades: self.allow_release_candidate_upgrades,
            certificate_renewal: self.certificate_renewal,
            dry_run: self.run.dry_run.map(|dry_run| dry_run != DryRun::No),
            etcd_upgrade: self.etcd_upgrade,
            force: self.force,
            ignore_preflight_errors: self.run.ignore_preflight_errors.clone(),
            patches: self.patches.clone(),
            print_config: self.print_config,
            skip_phases: self.run.skip_phases.clone(),
            strict: self.run.strict,
            ..UpgradeFlags::default()
        }
    }
}

/// kubeadm's flags of `upgrade node`.
#[derive(Debug, Clone, Args)]
pub struct NodeArgs {
    /// Perform the renewal of certificates used by component changed during upgrades [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = super::bool_parser())]
    pub certificate_renewal: Option<bool>,
    /// Perform the upgrade of etcd [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = super::bool_parser())]
    pub etcd_upgrade: Option<bool>,
    /// The kubeconfig file to use when talking to the cluster [default: admin.conf on control planes, else kubelet.conf]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<String>,
    /// Path to a directory that contains files named "target[suffix][+patchtype].extension"
    #[arg(long, value_name = "DIR")]
    pub patches: Option<String>,
    /// What all workflows take.
    #[command(flatten)]
    pub run: RunArgs,
}

impl NodeArgs {
    /// The flags in the configuration's terms.
    pub fn flags(&self) -> UpgradeFlags {
        UpgradeFlags {
            command: UpgradeCommand::Node,
            certificate_renewal: self.certificate_renewal,
            dry_run: self.run.dry_run.map(|dry_run| dry_run != DryRun::No),
            etcd_upgrade: self.etcd_upgrade,
            ignore_preflight_errors: self.run.ignore_preflight_errors.clone(),
            patches: self.patches.clone(),
            skip_phases: self.run.skip_phases.clone(),
            strict: self.run.strict,
            ..UpgradeFlags::default()
        }
    }
}

/// Flags of `upgrade rollback`.
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// Put etcd's data back too, as it was before the upgrade: everything written since is lost; only where etcd has one member
    #[arg(long)]
    pub restore_etcd: bool,
    /// What all workflows take.
    #[command(flatten)]
    pub run: RunArgs,
}

const APPLY: &str = "Upgrade your Kubernetes cluster to the specified version";
const NODE: &str = "Upgrade commands for a node in the cluster";
const ROLLBACK: &str = "Return this node to the state before its last upgrade";

/// Builds the commands that change something.
pub fn commands() -> [Command; 3] {
    let apply = Command::new("apply").about(APPLY).defer(|command| {
        let tree = workflows::upgrade_apply().tree();
        let command = ApplyArgs::augment_args(command)
            .about(APPLY)
            .long_about(phases::describe("upgrade apply", APPLY, &tree))
            .subcommand(phases::command(&tree, ApplyArgs::augment_args));
        super::like_pflag(command)
    });
    let node = Command::new("node").about(NODE).defer(|command| {
        let tree = workflows::upgrade_node().tree();
        let command = NodeArgs::augment_args(command)
            .about(NODE)
            .long_about(phases::describe("upgrade node", NODE, &tree))
            .subcommand(phases::command(&tree, NodeArgs::augment_args));
        super::like_pflag(command)
    });
    let rollback = Command::new("rollback")
        .about(ROLLBACK)
        .defer(|command| super::like_pflag(RollbackArgs::augment_args(command).about(ROLLBACK)));
    [apply, node, rollback]
}
