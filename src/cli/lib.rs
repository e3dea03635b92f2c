//! Arguments in, exit code out: parse, configure, plan, run, render. The only place that prints, and the only one that
//! picks between the live node and a dry run.

mod args;
mod backends;
mod env_vars;
mod exit;
mod faults;
mod given;
mod init;
mod render;
mod run;
mod signals;
mod state;
mod version;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches};

use args::{Global, InitArgs};
use exit::Exit;
use render::say_failure;

/// Runs the program with its arguments, the name that it was called by among them.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let name = args::program_name(arguments.first());
    let matches = match args::command(&name).try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return exit::usage(&error),
    };
    let outcome = dispatch(&name, &matches);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            if let Some(failure) = &exit.failure {
                say_failure(failure);
            }
            ExitCode::from(exit.code)
        }
    }
}

fn dispatch(name: &str, matches: &ArgMatches) -> Result<(), Exit> {
    let global = Global::from_arg_matches(matches).map_err(Exit::of)?;
    match matches.subcommand() {
        Some(("init", matches)) => {
            let phase = args::chosen_phase(matches)?;
            let chosen = phase.as_ref().map_or(matches, |phase| phase.matches);
            let init = InitArgs::from_arg_matches(chosen).map_err(Exit::of)?;
            init::run(name, &global, &init, phase.map(|phase| phase.path))
        }
        Some(("version", matches)) => version::run(name, matches),
        _ => Err(Exit::failed("a command is required; see --help")),
    }
}
