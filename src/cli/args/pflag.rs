//! Habits of kubeadm's flag library that scripts rely on and clap does not have by itself.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::builder::{TypedValueParser, ValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

/// Gives a command and all below it those habits: a flag that is given twice counts as the last one said, `--flag=true`
/// and `--flag=false` are as good as `--flag`, and flags stand at every position.
pub fn like_pflag(command: Command) -> Command {
    let command = command.args_override_self(true).disable_help_subcommand(true).mut_args(boolean);
    command.mut_subcommands(like_pflag)
}

/// A switch that may be given a value: `--upload-certs`, `--upload-certs=false`.
fn boolean(arg: Arg) -> Arg {
    match arg.get_action() {
        ArgAction::SetTrue => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .value_name("BOOL")
            .value_parser(bool_parser())
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
            .hide_possible_values(true),
        _ => arg,
    }
}

/// What Go takes for a truth value.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A parser of Go's truth values.
pub fn bool_parser() -> ValueParser {
    ValueParser::new(GoBool)
}

#[derive(Clone)]
struct GoBool;

impl TypedValueParser for GoBool {
    type Value = bool;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let text = value.to_string_lossy();
        go_bool(&text).ok_or_else(|| {
            let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
            if let Some(arg) = arg {
                error.insert(ContextKind::InvalidArg, ContextValue::String(arg.to_string()));
            }
            error.insert(ContextKind::InvalidValue, ContextValue::String(text.into_owned()));
            error.insert(ContextKind::ValidValue, ContextValue::Strings(vec!["true".into(), "false".into()]));
            error
        })
    }
}

/// Writes flags with dashes where they were typed with underscores: `--dry_run` is `--dry-run`. Values stay.
pub fn with_dashes(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut flags_end = false;
    let spelled = |argument: OsString| {
        flags_end |= argument == "--";
        if flags_end || !argument.as_bytes().starts_with(b"--") {
            return argument;
        }
        let mut bytes = argument.into_vec();
        let end = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
        bytes[..end].iter_mut().filter(|byte| **byte == b'_').for_each(|byte| *byte = b'-');
        OsString::from_vec(bytes)
    };
    arguments.into_iter().map(spelled).collect()
}

/// Puts flags behind the names of commands: `init --cert-dir DIR phase certs ca` means that phase's flag. clap would
/// take it for one of `init`, and nobody would look at it.
///
/// Where words follow a flag, the whole tree is built in place to see which of them are values.
pub fn behind_commands(tree: &mut Command, arguments: Vec<OsString>) -> Vec<OsString> {
    let is_flag = |word: &OsString| word.as_bytes().starts_with(b"-");
    let first_flag = arguments.iter().position(is_flag).unwrap_or(arguments.len());
    if arguments.iter().skip(first_flag).all(is_flag) {
        return arguments;
    }
    tree.build();
    let mut command = Some(&*tree);
    let mut words = arguments.into_iter();
    let (mut names, mut rest): (Vec<_>, Vec<_>) = (words.next().into_iter().collect(), Vec::new());
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            rest.push(word);
            break;
        }
        if text.starts_with('-') {
            let follows = command.is_some_and(|command| value_follows(command, &text));
            rest.push(word);
            if follows {
                rest.extend(words.next());
            }
            continue;
        }
        let below = command.and_then(|command| command.find_subcommand(text.as_ref()));
        if below.is_some() {
            names.push(word)
        } else {
            rest.push(word)
        }
        // What follows a word that is no command is none either.
        command = below;
    }
    names.extend(rest);
    names.extend(words);
    names
}

/// Whether the word is a flag of the command, or of one below it, whose value is the next word.
pub fn value_follows(command: &Command, word: &str) -> bool {
    let known = command.get_arguments().find(|arg| match word.strip_prefix("--") {
        Some(name) => arg.get_long() == Some(name),
        // `-v5` and `-v=5` hold their value.
        None => word.len() == 2 && arg.get_short() == word.chars().nth(1),
    });
    match known {
        Some(arg) => matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && !arg.is_require_equals_set(),
        None => command.get_subcommands().any(|below| value_follows(below, word)),
    }
}

#[cfg(test)]
mod tests;
