//! The whole command line: which commands there are, and what is wrong with one that was typed.

mod usage;

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Args, Command};

use crate::args::{
    Global, behind_commands, etcd_command, init_command, join_command, like_pflag, reset_command, with_dashes,
};
use crate::exit::Exit;
use crate::{commands, program};

/// Parses the arguments; `None` when all that was asked for has been printed.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<ArgMatches>, Exit> {
    let mut command = command();
    let arguments = behind_commands(&mut command, with_dashes(arguments));
    match command.try_get_matches_from_mut(&arguments) {
        Ok(matches) => Ok(Some(matches)),
        Err(error) => usage::exit(&error, &mut command, &arguments).map(|()| None),
    }
}

/// Every command. What is below one is built when it is asked for.
pub fn command() -> Command {
    let about =
        "Turns this machine into a node of a Kubernetes cluster. Whatever dies, the same command finishes the job";
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpLong).global(true).help("Print help");
    let command = Command::new(program::name())
        .bin_name(program::name())
        .subcommand_required(true)
        .disable_help_flag(true)
        .arg(help)
        .subcommand(init_command())
        .subcommand(join_command())
        .subcommand(commands::upgrade::command())
        .subcommand(reset_command())
        .subcommand(commands::config::command())
        .subcommand(commands::kubeconfig::command())
        .subcommand(commands::token::command())
        .subcommand(commands::certs::command())
        .subcommand(etcd_command())
        .subcommand(commands::status::command())
        .subcommand(commands::completion::command())
        .subcommand(commands::version::command());
    like_pflag(Global::augment_args(command)).disable_help_subcommand(false).about(about)
}
