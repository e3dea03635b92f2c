//! What is wrong with a command line, in kubeadm's words: scripts read them.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use kubewright_engine::Failure;

use crate::args::value_follows;
use crate::exit::Exit;
use crate::program;
use crate::render::data;

/// Ends because of the arguments: help is no error, all else is told in one sentence.
pub fn exit(error: &clap::Error, command: &mut Command, arguments: &[OsString]) -> Result<(), Exit> {
    let (path, last) = path(command, arguments);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            data(&error.to_string());
            Ok(())
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            data(&last.clone().render_long_help().to_string());
            // The program's name alone asks for its help; half a command is a mistake.
            if path.len() == 1 { Ok(()) } else { Err(Exit::failed("subcommand is required")) }
        }
        _ => Err(Exit::from(failure(error, &path.join(" "), last))),
    }
}

fn failure(error: &clap::Error, path: &str, command: &Command) -> Failure {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        // Suggestions come with the likeliest last.
        Some(ContextValue::Strings(texts)) => texts.last().map(String::as_str),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let given = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let failure = Failure::new(format!("unknown command {given:?} for {path:?}"));
            suggest(failure, text(ContextKind::SuggestedSubcommand).map(|near| format!("{path} {near}")))
        }
        ErrorKind::UnknownArgument if argument.starts_with("--") => {
            let name = argument.split('=').next().unwrap_or(argument);
            let failure = Failure::new(format!("unknown flag: {name}"));
            match text(ContextKind::SuggestedArg) {
                Some(near) => suggest(failure, Some(near.to_owned())),
                None => failure.hint(format!("`{path} --help` shows the flags that it has")),
            }
        }
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            let letter = argument.chars().nth(1).unwrap_or('-');
            Failure::new(format!("unknown shorthand flag: '{letter}' in {argument}"))
        }
        ErrorKind::UnknownArgument => Failure::new(format!("unknown command {argument:?} for {path:?}")),
        ErrorKind::MissingRequiredArgument => {
            let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
                return other(error);
            };
            let names: Vec<String> = missing.iter().map(|flag| format!("{:?}", bare(flag))).collect();
            Failure::new(format!("required flag(s) {} not set", names.join(", ")))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::NoEquals | ErrorKind::TooFewValues => {
            let given = text(ContextKind::InvalidValue).unwrap_or_default();
            if given.is_empty() {
                return Failure::new(format!("flag needs an argument: --{}", bare(argument)));
            }
            let flag = spelled(command, bare(argument));
            let failure = Failure::new(format!("invalid argument {given:?} for {flag:?} flag{}", why(error)));
            suggest(failure, text(ContextKind::SuggestedValue).map(str::to_owned))
        }
        _ => other(error),
    }
}

/// Why a value was not taken: what its parser said, or what would have been taken.
fn why(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return format!(": {source}");
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => format!(": it is one of {}", values.join(", ")),
        _ => String::new(),
    }
}

fn other(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    Failure::new(first.strip_prefix("error: ").unwrap_or(first))
}

fn suggest(failure: Failure, near: Option<String>) -> Failure {
    match near {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure,
    }
}

/// The flag's name out of clap's `--name <VALUE>`.
fn bare(flag: &str) -> &str {
    let name = flag.trim_start_matches('-');
    name.split([' ', '=', '[']).next().unwrap_or(name)
}

/// The flag as kubeadm shows it in errors: `-v, --v`.
fn spelled(command: &Command, name: &str) -> String {
    let known = command.get_arguments().find(|arg| arg.get_long() == Some(name));
    match known.and_then(clap::Arg::get_short) {
        Some(short) => format!("-{short}, --{name}"),
        None => format!("--{name}"),
    }
}

/// The commands that the arguments name, the program first, and the last of them.
fn path<'a>(root: &'a Command, arguments: &[OsString]) -> (Vec<String>, &'a Command) {
    let (mut names, mut command) = (vec![program::name().to_owned()], root);
    let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            if value_follows(command, &word) {
                words.next();
            }
            continue;
        }
        let Some(below) = command.find_subcommand(word.as_ref()) else { break };
        names.push(below.get_name().to_owned());
        command = below;
    }
    (names, command)
}
