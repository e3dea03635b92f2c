//! `certs …`: so far the making of certificate keys.

use clap::{ArgMatches, Command};
use kubewright_config::CertificateKey;
use kubewright_phases::random;

use crate::args::like_pflag;
use crate::exit::Exit;
use crate::program;
use crate::render::data;

/// The command with those below it.
pub fn command() -> Command {
    let about = "Commands related to handling Kubernetes certificates";
    Command::new("certs").alias("certificates").about(about).subcommand_required(true).defer(|command| {
        let program = program::name();
        let key = Command::new("certificate-key").about("Generate certificate keys").long_about(format!(
            "Print a key that was drawn at random, with which `{program} init --upload-certs` encrypts the certificates \
             for other control-plane nodes. Without --certificate-key it draws one itself"
        ));
        like_pflag(command.subcommand(key))
    })
}

/// Runs one of those below it.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    match matches.subcommand() {
        Some(("certificate-key", _)) => {
            data(&format!("{}\n", *CertificateKey::generate(&mut random::fill).reveal()));
            Ok(())
        }
        _ => Err(Exit::failed("subcommand is required")),
    }
}
