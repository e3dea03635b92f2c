//! `reset` and its phases.

use clap::{Args, Command};
use kubewright_config::ResetFlags;
use kubewright_phases::paths;

use super::pflag::bool_parser;
use super::phases;
use super::run::{DryRun, RunArgs};
use crate::workflows;

/// kubeadm's flags of `reset`, and ours. Those without a default say nothing unless they are given.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// The path to the directory where the certificates are stored. If specified, clean this directory [default: /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// Cleanup the "/etc/kubernetes/tmp" directory
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = bool_parser(), hide_possible_values = true)]
    pub cleanup_tmp_dir: Option<bool>,
    /// Path to the CRI socket to connect. If empty it is the one that the kubelet was told of, else it is detected
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Reset the node without prompting for confirmation
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = bool_parser(), hide_possible_values = true)]
    pub force: Option<bool>,
    /// The kubeconfig file to use when talking to the cluster
    #[arg(long, value_name = "FILE", default_value = paths::ADMIN_CONF)]
    pub kubeconfig: String,
    /// Remove what kube-proxy and network plugins left in the kernel, too: chains KUBE-* of iptables, kube-proxy's tables of nftables, IPVS, bridges, and what is in /var/lib/cni
    #[arg(long)]
    pub network: bool,
    /// What all workflows take.
    #[command(flatten)]
    pub run: RunArgs,
}

impl ResetArgs {
    /// The flags in the configuration's terms.
    pub fn flags(&self) -> ResetFlags {
        ResetFlags {
            cert_dir: self.cert_dir.clone(),
            cleanup_tmp_dir: self.cleanup_tmp_dir,
            cri_socket: self.cri_socket.clone(),
            dry_run: self.run.dry_run.map(|dry_run| dry_run != DryRun::No),
            force: self.force,
            ignore_preflight_errors: self.run.ignore_preflight_errors.clone(),
            skip_cri_detection: false,
            strict: self.run.strict,
        }
    }
}

/// The command with its phases; they are built when the command is asked for.
pub fn command() -> Command {
    const ABOUT: &str = "Revert, as far as possible, what 'kubeadm init' or 'kubeadm join' did to this machine";
    Command::new("reset").about(ABOUT).defer(|command| {
        let tree = workflows::reset().tree();
        let command = ResetArgs::augment_args(command)
            .about(ABOUT)
            .long_about(phases::describe("reset", ABOUT, &tree))
            .subcommand(phases::command(&tree, ResetArgs::augment_args));
        super::like_pflag(command)
    })
}
