//! `config …`: about configuration files, without touching a cluster.

mod images;
mod migrate;
mod print;
mod schema;
mod validate;

use clap::{Arg, ArgMatches, Command};
use kubewright_phases::paths;

use crate::args::like_pflag;
use crate::exit::Exit;

/// The command with those below it.
pub fn command() -> Command {
    Command::new("config").about("Work with configuration files").subcommand_required(true).defer(|command| {
        // kubeadm has the flag here and reads no cluster either.
        let kubeconfig = Arg::new("kubeconfig").long("kubeconfig").value_name("FILE").global(true).hide(true);
        let kubeconfig = kubeconfig.default_value(paths::ADMIN_CONF).help("Taken, and not used");
        let command = command
            .arg(kubeconfig)
            .subcommand(print::command())
            .subcommand(migrate::command())
            .subcommand(validate::command())
            .subcommand(images::command())
            .subcommand(schema::command());
        like_pflag(command)
    })
}

/// Runs one of those below it.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    match matches.subcommand() {
        Some(("print", matches)) => print::run(matches),
        Some(("migrate", matches)) => migrate::run(matches),
        Some(("validate", matches)) => validate::run(matches),
        Some(("images", matches)) => images::run(matches),
        Some(("schema", _)) => schema::run(),
        _ => Err(Exit::failed("subcommand is required")),
    }
}
