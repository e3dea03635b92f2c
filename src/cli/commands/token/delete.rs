//! `token delete`.

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::SecretText;
use kubewright_config::model::Timeouts;
use kubewright_discovery::tokens::{id_of, secret_of};
use kubewright_engine::{Failure, FailureContext};

use super::GroupArgs;
use crate::administrator::Administrator;
use crate::args::secret_text;
use crate::commands::on_machine;
use crate::exit::Exit;
use crate::render::data;

#[derive(Debug, Args)]
struct DeleteArgs {
    /// Whole tokens [a-z0-9]{6}.[a-z0-9]{16}, or their ids [a-z0-9]{6}
    #[arg(value_name = "token-value", value_parser = secret_text)]
    tokens: Vec<SecretText>,
}

/// The command.
pub fn command() -> Command {
    DeleteArgs::augment_args(Command::new("delete")).about("Delete bootstrap tokens on the server")
}

/// Deletes them in the order in which they were named. The first that cannot be deleted ends it.
pub fn run(group: &GroupArgs, matches: &ArgMatches) -> Result<(), Exit> {
    let DeleteArgs { tokens } = DeleteArgs::from_arg_matches(matches).map_err(Exit::of)?;
    if tokens.is_empty() {
        return Err(Failure::new("missing argument; 'token delete' is missing a token or the id of one")
            .hint("`token list` shows which there are")
            .into());
    }
    let ids: Vec<String> =
        tokens.iter().map(|token| id_of(token.reveal())).collect::<Result<_, _>>().map_err(Exit::of)?;
    let access = Administrator::find(group.kubeconfig.as_deref())?.access(Timeouts::default().kubernetes_api_call)?;
    on_machine(async |machine| {
        for id in &ids {
            let secret = secret_of(id);
            if group.dry_run {
                data(&format!("[dryrun] Would delete {secret}\n"));
            } else {
                let doing = || format!("failed to delete bootstrap token {id:?}");
                let there = machine.backends.kube.delete(&access, &secret).await.context(doing())?;
                if !there {
                    let failure = Failure::new(format!("{secret} is not there")).context(doing());
                    return Err(failure.hint("`token list` shows which there are").into());
                }
            }
            data(&format!("bootstrap token {id:?} deleted\n"));
        }
        Ok(())
    })
}
