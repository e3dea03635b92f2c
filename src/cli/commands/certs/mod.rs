//! `certs …`: what ends when, requests for an authority elsewhere, renewal, and what runs it at night.

mod check_expiration;
mod configuration;
mod generate_csr;
mod metrics;
mod renew;
mod table;
mod timer;
mod verdict;

use clap::{ArgMatches, Command};
use kubewright_config::CertificateKey;
use kubewright_phases::random;

use crate::args::{Global, like_pflag};
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
        like_pflag(
            command
                .subcommand(renew::command())
                .subcommand(check_expiration::command())
                .subcommand(generate_csr::command())
                .subcommand(key)
                .subcommand(metrics::command())
                .subcommand(timer::command()),
        )
    })
}

/// Runs one of those below it.
pub fn run(global: &Global, matches: &ArgMatches) -> Result<(), Exit> {
    match matches.subcommand() {
        Some(("renew", matches)) => renew::run(global, matches),
        Some(("check-expiration", matches)) => check_expiration::run(matches),
        Some(("generate-csr", matches)) => generate_csr::run(matches),
        Some(("metrics", matches)) => metrics::run(matches),
        Some(("timer", matches)) => timer::run(matches),
        Some(("certificate-key", _)) => {
            data(&format!("{}\n", *CertificateKey::generate(&mut random::fill).reveal()));
            Ok(())
        }
        _ => Err(Exit::failed("subcommand is required")),
    }
}
