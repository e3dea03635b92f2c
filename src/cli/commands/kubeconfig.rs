//! `kubeconfig user`.

use std::time::Duration;

use camino::Utf8Path;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::{Init, InitFlags, format_duration, parse_duration};
use kubewright_engine::{Failure, FailureContext};
use kubewright_node::FileBackend;
use kubewright_phases::credentials::render;
use kubewright_phases::issuing::{Issuing, KnownAuthority, conventions, read_authority};
use kubewright_pki::{CertificateKind, ExtendedKeyUsage, Kubeconfig, LeafSpec, PrivateKey, SanSet, SecretText};

use super::{load_init, on_machine};
use crate::args::like_pflag;
use crate::backends::Machine;
use crate::exit::Exit;
use crate::render::{data, warn};

/// kubeadm's flags of `kubeconfig user`.
#[derive(Debug, Args)]
struct UserArgs {
    /// The name of user. It will be used as the CN if client certificates are created
    #[arg(long, value_name = "NAME", required = true)]
    client_name: String,
    /// Path to a configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// The organizations of the client certificate. It will be used as the O if client certificates are created
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    org: Vec<String>,
    /// Take unknown and duplicate fields of the configuration file for errors
    #[arg(long)]
    strict: bool,
    /// The token that should be used as the authentication mechanism for this kubeconfig, instead of client certificates
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    token: Option<SecretText>,
    /// The validity period of the client certificate. It is an offset from the current time
    #[arg(long, value_name = "DURATION", default_value = "8760h0m0s", value_parser = parse_duration)]
    validity_period: Duration,
}

/// The longest that a certificate should hold: kubeadm warns above it.
const ONE_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The command with its one below.
pub fn command() -> Command {
    Command::new("kubeconfig").about("Kubeconfig file utilities").subcommand_required(true).defer(|command| {
        let user =
            UserArgs::augment_args(Command::new("user")).about("Output a kubeconfig file for an additional user");
        like_pflag(command.subcommand(user))
    })
}

/// Runs the one below.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let Some(("user", matches)) = matches.subcommand() else { return Err(Exit::failed("subcommand is required")) };
    let args = UserArgs::from_arg_matches(matches).map_err(Exit::of)?;
    if args.validity_period.is_zero() {
        return Err(Exit::failed("--validity-period: it must be longer than 0s"));
    }
    on_machine(async |machine| {
        let flags = InitFlags { skip_cri_detection: true, strict: args.strict, ..InitFlags::default() };
        let loaded = load_init(&machine, args.config.as_deref(), flags)?;
        if args.validity_period > ONE_YEAR {
            let (given, year) = (format_duration(args.validity_period), format_duration(ONE_YEAR));
            warn(&format!(
                "the specified certificate validity period {given} is longer than the default duration {year}, \
                 this may increase security risks"
            ));
        }
        let document = document(&machine, &loaded, args)?;
        // kubeadm ends it with an empty line.
        data(&format!("{}\n", render(&document)?));
        Ok(())
    })
}

fn document(machine: &Machine, loaded: &Init, args: UserArgs) -> Result<Kubeconfig, Failure> {
    let authority = authority(machine, loaded)?;
    let server = loaded.cluster.endpoint(&loaded.init.local_api_endpoint).url();
    let (cluster_name, user) = (&loaded.cluster.cluster_name, &args.client_name);
    let document = match args.token {
        Some(token) => Kubeconfig::with_token(cluster_name, &server, &authority.certificate, user, &token),
        None => {
            let signer = authority.signer("ca")?;
            let conventions = conventions(&loaded.facts);
            let spec = LeafSpec {
                common_name: user.clone(),
                organizations: args.org,
                usages: vec![ExtendedKeyUsage::ClientAuth],
                names: SanSet::default(),
                basic_constraints: conventions.leaf_basic_constraints,
            };
            let now = machine.backends.clock.now();
            let issuing = Issuing { cluster: &loaded.cluster, facts: &loaded.facts, now };
            let key = PrivateKey::generate(issuing.algorithm())?;
            let certificate = signer.sign(&spec, &key, signer.client_validity(now, args.validity_period))?;
            Kubeconfig::with_client_cert(cluster_name, &server, &authority.certificate, user, &certificate, &key)?
        }
    };
    let preferences = loaded.facts.credentials.kubeconfig_preferences;
    Ok(if preferences { document.with_preferences() } else { document })
}

fn secret(text: &str) -> Result<SecretText, std::convert::Infallible> {
    Ok(SecretText::new(text))
}

fn authority(machine: &Machine, loaded: &Init) -> Result<KnownAuthority, Failure> {
    let doing = "couldn't create a kubeconfig; the CA files couldn't be loaded";
    let read = |path: &Utf8Path| Ok(machine.files.read(path)?);
    let known = read_authority(&loaded.cluster, CertificateKind::Ca, read).context(doing)?;
    let path = loaded.cluster.certificate_path("ca.crt");
    let known = known.ok_or_else(|| Failure::new(format!("`{path}` is not there"))).context(doing);
    let known = known.hint("run it on a control plane node, or name the directory in `certificatesDir` of --config")?;
    if let Err(error) = known.certificate.check_validity(machine.backends.clock.now()) {
        warn(&format!("the certificate ca is outside its validity period: {error}"));
    }
    Ok(known)
}
