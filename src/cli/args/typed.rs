//! What was typed, as the journal keeps it: to name what has changed when the same command is typed again, and to say what
//! to type. Secrets are left out.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::ArgMatches;
use clap::parser::ValueSource;
use kubewright_engine::{InputValue, Inputs};

use super::given::long;
use super::phases::ChosenPhase;
use crate::given::hidden;
use crate::program;

/// Flags whose value nobody may see.
const SECRET: &[&str] = &["certificate-key", "discovery-token", "tls-bootstrap-token", "token"];
/// Flags whose value may hold a secret, since it goes to components as it is.
const OPAQUE: &[&str] = &["apiserver-extra-args", "controller-manager-extra-args", "scheduler-extra-args"];
/// Flags that say how a run is shown or checked and not what is made. The file's contents count, not its name.
const WITHOUT_WEIGHT: &[&str] = &[
    "certificate-key-file",
    "config",
    "dry-run",
    "events",
    "fresh",
    "ignore-preflight-errors",
    "jobs",
    "print-manifest",
    "progress",
    "rootfs",
    "skip-certificate-key-print",
    "skip-phases",
    "skip-token-print",
    "strict",
    "token-file",
    "v",
    "vmodule",
    "yes",
];
/// Flags that need not be typed again.
const PASSING: &[&str] = &["dry-run", "events", "fresh", "progress", "v", "vmodule"];

/// What the journal calls the version that an upgrade is to go to.
pub const THE_VERSION: &str = "the version";

/// A command line.
#[derive(Debug, Clone)]
pub struct Typed {
    command: String,
    /// By long name, in the order in which they were typed.
    flags: Vec<(String, Vec<String>)>,
    /// What has no flag, by what it is.
    positional: Vec<(&'static str, String)>,
}

impl Typed {
    /// What was typed after the workflow's name, or after a phase's.
    pub fn of(workflow: &str, phase: Option<&ChosenPhase>, matches: &ArgMatches) -> Self {
        let command = match phase {
            Some(phase) => format!("{workflow} phase {}", phase.path.replace('/', " ")),
            None => workflow.to_owned(),
        };
        let mut found = Vec::new();
        let mut positional = Vec::new();
        for id in matches.ids().map(clap::Id::as_str) {
            // Groups that the derive makes have ids too, in upper case, and no values of their own.
            let typed = matches.value_source(id) == Some(ValueSource::CommandLine);
            if !typed || id.chars().any(|c| c.is_ascii_uppercase()) {
                continue;
            }
            let raw = matches.get_raw(id).into_iter().flatten();
            let values: Vec<String> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
            match id {
                "endpoint" => positional.extend(values.into_iter().map(|value| ("the API server to join", value))),
                "target" => positional.extend(values.into_iter().map(|value| (THE_VERSION, value))),
                _ => found.push((matches.index_of(id), long(id), values)),
            }
        }
        found.sort();
        let flags = found.into_iter().map(|(_, name, values)| (name, values)).collect();
        Self { command, flags, positional }
    }

    /// What decides what is made.
    pub fn inputs(&self) -> Inputs {
        let counts = |name: &str| !WITHOUT_WEIGHT.contains(&name) && !SECRET.contains(&name);
        let flags: BTreeMap<_, _> = self.flags.iter().filter(|(name, _)| counts(name)).cloned().collect();
        let with = |inputs: Inputs, (name, values): (String, Vec<String>)| {
            let text = values.join(",");
            let value = if OPAQUE.contains(&name.as_str()) { hidden(text.as_bytes()) } else { InputValue::Shown(text) };
            inputs.with(format!("--{name}"), value)
        };
        let inputs = flags.into_iter().fold(Inputs::default(), with);
        let with = |inputs: Inputs, (what, value): &(&'static str, String)| {
            inputs.with(*what, InputValue::Shown(value.clone()))
        };
        self.positional.iter().fold(inputs, with)
    }

    /// What to type to get the same again; `<…>` stands for a secret.
    pub fn again(&self) -> String {
        let mut line = format!("{} {}", program::name(), self.command);
        for (_, word) in &self.positional {
            let _ = write!(line, " {}", quoted(word));
        }
        for (name, values) in self.flags.iter().filter(|(name, _)| !PASSING.contains(&name.as_str())) {
            let _ = match values.as_slice() {
                _ if SECRET.contains(&name.as_str()) => write!(line, " --{name}=<{name}>"),
                [value] if value == "true" => write!(line, " --{name}"),
                values => write!(line, " --{name}={}", quoted(&values.join(","))),
            };
        }
        line
    }
}

/// The word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests;
