//! `token …`: bootstrap tokens, with which nodes join.

mod create;
mod delete;
mod list;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::BootstrapToken;
use kubewright_phases::random;

use crate::args::like_pflag;
use crate::exit::Exit;
use crate::render::data;

/// The flags of all of them.
#[derive(Debug, Args)]
struct GroupArgs {
    /// The kubeconfig file to use when talking to the cluster. If it is not given, the first that exists counts: those of KUBECONFIG or else ~/.kube/config, then /etc/kubernetes/admin.conf
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<String>,
    /// Don't change anything in the cluster; just output what would be done
    #[arg(long, global = true)]
    dry_run: bool,
}

/// The command with those below it.
pub fn command() -> Command {
    Command::new("token").about("Manage bootstrap tokens").subcommand_required(true).defer(|command| {
        let about = command.get_about().cloned().unwrap_or_default();
        let generate =
            Command::new("generate").about("Generate and print a bootstrap token, but do not create it on the server");
        let command = GroupArgs::augment_args(command)
            .about(about)
            .subcommand(create::command())
            .subcommand(list::command())
            .subcommand(delete::command())
            .subcommand(generate);
        like_pflag(command)
    })
}

/// Runs one of those below it.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let Some((name, matches)) = matches.subcommand() else { return Err(Exit::failed("subcommand is required")) };
    let group = GroupArgs::from_arg_matches(matches).map_err(Exit::of)?;
    match name {
        "create" => create::run(&group, matches),
        "list" => list::run(&group, matches),
        "delete" => delete::run(&group, matches),
        _ => {
            data(&format!("{}\n", *BootstrapToken::generate(&mut random::fill).reveal()));
            Ok(())
        }
    }
}
