//! `config schema`, which is ours: what editors check a configuration file with.

use clap::Command;

use crate::exit::Exit;
use crate::render::data;

/// The command.
pub fn command() -> Command {
    Command::new("schema").about("Print the JSON Schema of the configuration API, for editors")
}

/// Prints it.
pub fn run() -> Result<(), Exit> {
    let schema = serde_json::to_string_pretty(&kubewright_config::json_schema()).map_err(Exit::of)?;
    data(&format!("{schema}\n"));
    Ok(())
}
