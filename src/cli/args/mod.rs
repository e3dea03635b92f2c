//! What can be typed. Doc comments of the fields are the help text.

mod etcd;
mod given;
mod init;
mod join;
mod pflag;
mod phases;
mod reset;
mod run;
mod secret;
mod typed;
mod upgrading;

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

pub use etcd::{RestoreArgs, command as etcd_command};
pub use given::{flags as given_flags, refuse_mixed};
pub use init::{InitArgs, command as init_command, notices};
pub use join::{JoinArgs, command as join_command};
pub use pflag::{behind_commands, bool_parser, like_pflag, value_follows, with_dashes};
pub use phases::{chosen_phase, skipped};
pub use reset::{ResetArgs, command as reset_command};
pub use run::{DryRun, RunArgs};
pub use secret::{Secrets, secret_text};
pub use typed::{THE_VERSION, Typed};
pub use upgrading::{ApplyArgs, NodeArgs, RollbackArgs, commands as upgrade_commands};

/// How the run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// Pretty on a terminal, plain otherwise
    Auto,
    /// Phases with their state, for people
    Pretty,
    /// kubeadm's lines, for scripts
    Plain,
    /// One JSON object a line
    Json,
}

/// Flags that every command takes. They stand under a heading of their own, at the end: clap numbers what the program
/// has, commands and flags in one, and would put these at that number among the flags of each command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global Options")]
pub struct Global {
    /// Number for the log level verbosity: 1 tells what is decided, 5 what is run and why it failed, 6 every API request, 8 what was asked
    #[arg(
        short = 'v',
        long = "v",
        global = true,
        value_name = "LEVEL",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub verbosity: i32,
    /// Levels for single source files, such as `kube=6,services=5`; `*` stands for any characters
    #[arg(long, global = true, value_name = "PATTERN=N,…")]
    pub vmodule: Option<String>,
    /// The path to the real root file system of the machine: the program changes its root to it before all else
    #[arg(long, global = true, value_name = "DIR")]
    pub rootfs: Option<Utf8PathBuf>,
    /// How to show the run
    #[arg(long, global = true, value_enum, default_value_t = Progress::Auto)]
    pub progress: Progress,
    /// Append the run's events to this file, one JSON object a line
    #[arg(long, global = true, value_name = "FILE")]
    pub events: Option<String>,
}
