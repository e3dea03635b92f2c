//! `etcd restore`, which kubeadm does not have.

use clap::{Args, Command};

use super::run::RunArgs;

/// Flags of `etcd restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// The snapshot to put back: one that `upgrade` took, or any other that was saved through etcd's API
    #[arg(long, value_name = "FILE", required = true)]
    pub snapshot: String,
    /// Path to the CRI socket to connect. If empty it is the one that the kubelet was told of
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Do not prompt for confirmation (non-interactive mode)
    #[arg(short, long)]
    pub yes: bool,
    /// What all workflows take.
    #[command(flatten)]
    pub run: RunArgs,
}

const ABOUT: &str = "Look after the etcd of a control plane (kubeadm has no such command)";
const RESTORE: &str = "Put a snapshot of etcd back where its member is the only one: everything written since is lost";

/// The command with the one below it.
pub fn command() -> Command {
    Command::new("etcd").about(ABOUT).subcommand_required(true).defer(|command| {
        let restore = Command::new("restore")
            .about(RESTORE)
            .defer(|command| super::like_pflag(RestoreArgs::augment_args(command).about(RESTORE)));
        super::like_pflag(command.about(ABOUT).subcommand(restore))
    })
}
