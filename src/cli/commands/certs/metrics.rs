//! `certs metrics`: when the certificates of this node end, for Prometheus. The node exporter's textfile collector reads a
//! file of them, which appears whole or not at all.

use std::fmt::Write as _;

use camino::Utf8PathBuf;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_engine::FailureContext;
use kubewright_phases::renewal::Expiry;

use super::check_expiration::{Served, look, served};
use super::configuration::{Configuration, LookupArgs};
use crate::backends::on_machine;
use crate::exit::Exit;
use crate::given::write_whole;
use crate::render::data;

/// Ours; kubeadm has no such command.
#[derive(Debug, Args)]
struct MetricsArgs {
    /// Path to a configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Where to look.
    #[command(flatten)]
    lookup: LookupArgs,
    /// Write the metrics to this file, for the textfile collector of the node exporter, instead of printing them
    #[arg(long, value_name = "FILE")]
    textfile: Option<Utf8PathBuf>,
}

/// The command.
pub fn command() -> Command {
    MetricsArgs::augment_args(Command::new("metrics"))
        .about("Print or write when the certificates of this node expire, as metrics for Prometheus")
}

/// Prints or writes them.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let args = MetricsArgs::from_arg_matches(matches).map_err(Exit::of)?;
    on_machine(async |machine| {
        let found =
            Configuration::find(&machine, args.config.as_deref(), false, &args.lookup, "metrics", false).await?;
        let expiry = look(&machine, &found)?;
        let text = text(&expiry, &served(&machine).await?);
        match &args.textfile {
            None => data(&text),
            Some(path) => write_whole(path, text.as_bytes(), 0o644)
                .context(format!("cannot write the metrics to `{path}`"))
                .hint("name a file in a directory that is there with --textfile")?,
        }
        Ok(())
    })
}

fn text(expiry: &Expiry, served: &Served) -> String {
    let mut text = String::new();
    let mut family = |name: &str, help: &str, lines: Vec<String>| {
        // Writing to a text cannot fail.
        let _ =
            writeln!(text, "# HELP kubewright_certificate_{name} {help}\n# TYPE kubewright_certificate_{name} gauge");
        for line in lines {
            let _ = writeln!(text, "kubewright_certificate_{name}{line}");
        }
    };
    let line = |name: &str, value: i64| format!("{{name=\"{name}\"}} {value}");
    let until = expiry.all().map(|(name, it)| line(name, it.not_after().unix_timestamp()));
    family("not_after_timestamp_seconds", "When the certificate expires, in seconds since 1970.", until.collect());
    let since = expiry.all().map(|(name, it)| line(name, it.not_before().unix_timestamp()));
    family("not_before_timestamp_seconds", "Since when the certificate holds, in seconds since 1970.", since.collect());
    let missing = expiry.certificates.iter().map(|it| line(it.managed.name(), i64::from(it.certificate.is_none())));
    family("missing", "Whether the certificate's file is not there.", missing.collect());
    let external = expiry.certificates.iter().map(|it| line(it.managed.name(), i64::from(it.external)));
    family(
        "externally_managed",
        "Whether the key of the certificate's authority is kept elsewhere.",
        external.collect(),
    );
    let mut shown = Vec::new();
    for (name, certificate) in expiry.all() {
        let own = certificate.fingerprint().to_string();
        for server in served.get(name).into_iter().flatten() {
            // Who does not answer shows nothing, neither the right one nor another.
            let Some(current) = server.shows(&own) else { continue };
            let (component, address) = server.place();
            let labels = format!("{{name=\"{name}\",component=\"{component}\",address=\"{address}\"}}");
            shown.push(format!("{labels} {}", i64::from(current)));
        }
    }
    family("served", "Whether the server that answers shows the certificate of its file, and not an older one.", shown);
    text
}
