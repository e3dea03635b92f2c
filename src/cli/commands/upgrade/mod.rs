//! `upgrade …`: what could be upgraded, and what would change.

mod diff;
mod found;
mod health;
mod plan;

use clap::{ArgMatches, Command};

use crate::args::{Global, like_pflag, upgrade_commands};
use crate::exit::Exit;

const ABOUT: &str = "Upgrade your cluster smoothly to a newer version with this command";

/// The command with those below it.
pub fn command() -> Command {
    Command::new("upgrade").about(ABOUT).subcommand_required(true).defer(|command| {
        like_pflag(
            command
                .about(ABOUT)
                .subcommand(plan::command())
                .subcommand(diff::command())
                .subcommands(upgrade_commands()),
        )
    })
}

/// Runs one of those below it.
pub fn run(global: &Global, matches: &ArgMatches) -> Result<(), Exit> {
    match matches.subcommand() {
        Some(("plan", matches)) => plan::run(matches),
        Some(("diff", matches)) => diff::run(matches),
        _ => crate::upgrading::dispatch(global, matches),
    }
}
