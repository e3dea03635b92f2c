//! Arguments in, exit code out: parse, configure, plan, run, render. The only place that prints, and the only one that
//! picks between the live node and a dry run.

mod administrator;
mod args;
mod backends;
mod command_line;
mod commands;
mod env_vars;
mod etcd;
mod exit;
mod faults;
mod given;
mod init;
mod join;
mod output;
mod program;
mod render;
mod reset;
mod rootfs;
mod run;
mod signals;
mod state;
mod trace;
mod upgrading;
mod workflows;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches};

use args::{Global, InitArgs, JoinArgs, ResetArgs, Typed};
use commands::{certs, completion, config, kubeconfig, status, token, upgrade, version};
use exit::Exit;
use render::say_failure;

/// Runs the program with its arguments, the name that it was called by among them.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    program::called_by(arguments.first());
    let outcome =
        command_line::parse(arguments).and_then(|matches| matches.map_or(Ok(()), |matches| dispatch(&matches)));
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

fn dispatch(matches: &ArgMatches) -> Result<(), Exit> {
    let global = Global::from_arg_matches(matches).map_err(Exit::of)?;
    trace::begin(global.verbosity, global.vmodule.as_deref())?;
    if let Some(root) = &global.rootfs {
        rootfs::enter(root)?;
    }
    match matches.subcommand() {
        Some(("init", matches)) => {
            let phase = args::chosen_phase("init", matches)?;
            let chosen = phase.as_ref().map_or(matches, |phase| phase.matches);
            args::refuse_mixed(chosen)?;
            args::notices(&args::given_flags(chosen)).for_each(|notice| render::say(&notice));
            let mut init = InitArgs::from_arg_matches(chosen).map_err(Exit::of)?;
            init.read_secrets()?;
            let typed = Typed::of("init", phase.as_ref(), chosen);
            init::run(&global, &init, &typed, phase.map(|phase| phase.path))
        }
        Some(("join", matches)) => {
            let phase = args::chosen_phase("join", matches)?;
            let chosen = phase.as_ref().map_or(matches, |phase| phase.matches);
            args::refuse_mixed(chosen)?;
            let mut join = JoinArgs::from_arg_matches(chosen).map_err(Exit::of)?;
            join.read_secrets()?;
            let typed = Typed::of("join", phase.as_ref(), chosen);
            join::run(&global, &join, &typed, phase.map(|phase| phase.path))
        }
        Some(("reset", matches)) => {
            let phase = args::chosen_phase("reset", matches)?;
            let chosen = phase.as_ref().map_or(matches, |phase| phase.matches);
            args::refuse_mixed(chosen)?;
            let reset = ResetArgs::from_arg_matches(chosen).map_err(Exit::of)?;
            let typed = Typed::of("reset", phase.as_ref(), chosen);
            reset::run(&global, &reset, &typed, phase.map(|phase| phase.path))
        }
        Some(("config", matches)) => config::run(matches),
        Some(("kubeconfig", matches)) => kubeconfig::run(matches),
        Some(("token", matches)) => token::run(matches),
        Some(("certs", matches)) => certs::run(&global, matches),
        Some(("status", matches)) => status::run(matches),
        Some(("etcd", matches)) => etcd::dispatch(&global, matches),
        Some(("upgrade", matches)) => upgrade::run(&global, matches),
        Some(("completion", matches)) => completion::run(matches, command_line::command()),
        Some(("version", matches)) => version::run(matches),
        _ => Err(Exit::failed("subcommand is required")),
    }
}
