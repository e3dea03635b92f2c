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

#[cfg(test)]
mod tests {
    use super::{go_bool, with_dashes};

    #[test]
    fn names_of_flags_get_dashes_and_values_stay() {
        let typed = ["init", "--dry_run", "--node_name=a_b", "-v", "a_b", "--", "--x_y"].map(Into::into);
        let spelled = with_dashes(typed);
        assert_eq!(spelled, ["init", "--dry-run", "--node-name=a_b", "-v", "a_b", "--", "--x_y"]);
    }

    #[test]
    fn truth_is_what_go_takes_for_it() {
        assert_eq!((go_bool("T"), go_bool("0"), go_bool("yes")), (Some(true), Some(false), None));
    }
}
