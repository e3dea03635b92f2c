//! What can be typed. Doc comments of the fields are the help text.

mod init;
mod phases;

use std::ffi::OsString;
use std::path::Path;

use clap::{Args, Command, ValueEnum};

pub use init::InitArgs;
pub use phases::chosen_phase;

/// The name that messages use for the program when it is called by another one than these two.
const OWN_NAME: &str = "kubewright";

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

/// Flags that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Number for the log level verbosity
    #[arg(short = 'v', long = "v", global = true, value_name = "LEVEL", default_value_t = 0)]
    pub verbosity: u8,
    /// How to show the run
    #[arg(long, global = true, value_enum, default_value_t = Progress::Auto)]
    pub progress: Progress,
    /// Append the run's events to this file, one JSON object a line
    #[arg(long, global = true, value_name = "FILE")]
    pub events: Option<String>,
}

/// The name in messages: `kubeadm` when called so, which scripts rely on.
pub fn program_name(first: Option<&OsString>) -> String {
    let called = first.and_then(|path| Path::new(path).file_name()).and_then(|name| name.to_str());
    if called == Some("kubeadm") { "kubeadm".into() } else { OWN_NAME.into() }
}

/// The whole command line.
pub fn command(name: &str) -> Command {
    let about =
        "Turns this machine into a node of a Kubernetes cluster. Whatever dies, the same command finishes the job";
    let command = Command::new(name.to_owned())
        .bin_name(name.to_owned())
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(init::command(name))
        .subcommand(
            Command::new("version").about("Print the version").arg(
                clap::Arg::new("output")
                    .short('o')
                    .long("output")
                    .value_parser(["short", "yaml", "json"])
                    .help("Output format; available options are 'yaml', 'json' and 'short'"),
            ),
        );
    Global::augment_args(command).about(about)
}
