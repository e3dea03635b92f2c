//! `token list`.

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::model::Timeouts;
use kubewright_discovery::tokens::{FIELD_SELECTOR, KnownToken, NAMESPACE, ShownToken, read_all, table};
use kubewright_engine::{Failure, FailureContext};

use super::GroupArgs;
use crate::administrator::Administrator;
use crate::commands::on_machine;
use crate::exit::Exit;
use crate::output::{Object, OutputArgs, Printer};
use crate::render::{data, warn};

/// The command.
pub fn command() -> Command {
    OutputArgs::augment_args(Command::new("list")).about("List bootstrap tokens on the server")
}

/// Lists them. A Secret that is no usable token is told beside the list, and stops nothing.
pub fn run(group: &GroupArgs, matches: &ArgMatches) -> Result<(), Exit> {
    let mut printer = OutputArgs::from_arg_matches(matches).map_err(Exit::of)?.printer()?;
    let access = Administrator::find(group.kubeconfig.as_deref())?.access(Timeouts::default().kubernetes_api_call)?;
    on_machine(async |machine| {
        let secrets = machine.backends.kube.list(&access, "v1", "Secret", Some(NAMESPACE), Some(FIELD_SELECTOR)).await;
        let (tokens, faults) = read_all(&secrets.context("failed to list bootstrap tokens")?);
        faults.iter().for_each(|fault| warn(&fault.to_string()));
        if printer.is_text() {
            data(&table(&tokens, machine.backends.clock.now()));
            return Ok(());
        }
        for token in &tokens {
            data(&shown(&mut printer, token)?);
        }
        Ok(())
    })
}

fn shown(printer: &mut Printer, token: &KnownToken) -> Result<String, Failure> {
    let object = Object::new("BootstrapToken", ShownToken::from(token));
    printer.print(&object, String::new).context(format!("unable to print the token {:?}", token.token.id()))
}

#[cfg(test)]
mod tests;
