//! `config migrate`.

use camino::Utf8PathBuf;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::{Reading, migrate};
use kubewright_engine::FailureContext;
use kubewright_phases::random;

use crate::backends::{host_facts, on_machine};
use crate::exit::Exit;
use crate::given::{read_old_config, write_new_config};
use crate::render::{data, warn_of};

/// kubeadm's flags, and `--strict`, which this command is anyway.
#[derive(Debug, Args)]
struct MigrateArgs {
    /// Path to the config file that is using an old API version and should be converted. This flag is mandatory
    #[arg(long, value_name = "FILE")]
    old_config: Option<String>,
    /// Path to the resulting equivalent config file using the new API version. Optional, if not specified output will be sent to STDOUT
    #[arg(long, value_name = "FILE")]
    new_config: Option<Utf8PathBuf>,
    /// Allow migration to experimental, unreleased APIs
    #[arg(long)]
    allow_experimental_api: bool,
    /// Take unknown and duplicate fields for errors; always so here
    #[arg(long, hide = true)]
    strict: bool,
}

/// The command.
pub fn command() -> Command {
    MigrateArgs::augment_args(Command::new("migrate")).about(
        "Read an older version of the configuration API types from a file, and output the similar config object for \
         the newer version",
    )
}

/// Converts the file, and writes the new one whole or not at all.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let args = MigrateArgs::from_arg_matches(matches).map_err(Exit::of)?;
    let path = args.old_config.ok_or_else(|| Exit::failed("the --old-config flag is mandatory"))?;
    let bytes = read_old_config(&path)?;
    let reading = Reading { strict: true, allow_deprecated: true };
    on_machine(async |machine| {
        let host = host_facts(&machine.backends);
        let (text, warnings) = migrate((&path, &bytes), reading, &host, &mut random::fill)?;
        warn_of(&warnings);
        match &args.new_config {
            None => data(&text),
            Some(new) => write_new_config(new, text.as_bytes())
                .context(format!("failed to write the new configuration to the file {:?}", new.as_str()))?,
        }
        Ok(())
    })
}
