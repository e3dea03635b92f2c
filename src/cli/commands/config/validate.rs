//! `config validate`.

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::{Reading, check_file};

use crate::backends::{host_facts, on_machine};
use crate::exit::Exit;
use crate::given::read_config;
use crate::render::{data, warn_of};

/// kubeadm's flags; `--strict` is ours, and what this command does anyway.
#[derive(Debug, Args)]
struct ValidateArgs {
    /// Path to a configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Allow validation of deprecated APIs
    #[arg(long)]
    allow_deprecated_api: bool,
    /// Allow validation of experimental, unreleased APIs
    #[arg(long)]
    allow_experimental_api: bool,
    /// Take unknown and duplicate fields for errors; always so here
    #[arg(long, hide = true)]
    strict: bool,
}

/// The command.
pub fn command() -> Command {
    ValidateArgs::augment_args(Command::new("validate"))
        .about("Read a file containing the configuration API and report any validation problems")
}

/// Checks every document of the file.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let args = ValidateArgs::from_arg_matches(matches).map_err(Exit::of)?;
    let path = args.config.ok_or_else(|| Exit::failed("the --config flag is mandatory"))?;
    let bytes = read_config(&path)?;
    let reading = Reading { strict: true, allow_deprecated: args.allow_deprecated_api };
    on_machine(async |machine| {
        warn_of(&check_file((&path, &bytes), reading, &host_facts(&machine.backends))?);
        data("ok\n");
        Ok(())
    })
}
