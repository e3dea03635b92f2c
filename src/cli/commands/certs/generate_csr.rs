//! `certs generate-csr`: keys, and requests that an authority elsewhere signs. kubeadm: `CreateDefaultKeysAndCSRFiles` in
//! `app/phases/certs/certlist.go`, `CreateDefaultKubeConfigsAndCSRFiles` in `app/phases/kubeconfig/kubeconfig.go`.

use std::fmt::Write as _;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::{Init, InitFlags, ServingNames};
use kubewright_engine::{EffectLog, Events, Failure, FailureContext, Journal};
use kubewright_node::{Contents, FileBackend};
use kubewright_phases::credentials::{Credentials, render};
use kubewright_phases::issuing::{Issuing, pair_paths};
use kubewright_phases::options::InitOptions;
use kubewright_phases::paths;
use kubewright_pki::{CertificateKind, CertificateRequest, Kubeconfig, LeafSpec, NameSource, PrivateKey, SanSet};

use crate::backends::{Machine, on_machine};
use crate::commands::load_init;
use crate::exit::Exit;
use crate::render::data;

/// kubeadm's flags.
#[derive(Debug, Args)]
struct CsrArgs {
    /// The path where to save the certificates [default: that of the configuration, or /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<Utf8PathBuf>,
    /// Path to a configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// The path where to save the kubeconfig file
    #[arg(long, value_name = "DIR", default_value = paths::KUBERNETES_DIR)]
    kubeconfig_dir: Utf8PathBuf,
    /// Take unknown and duplicate fields of the configuration file for errors
    #[arg(long)]
    strict: bool,
}

/// The command.
pub fn command() -> Command {
    CsrArgs::augment_args(Command::new("generate-csr"))
        .about("Generate keys and certificate signing requests")
        .long_about(
            "Generate keys and certificate signing requests (CSRs) for all the certificates required to run the control \
             plane, and kubeconfig files with a key and without a certificate, each with a request beside it.\n\n\
             Let the authority sign them, put each certificate beside its key with the ending .crt, and those for kubeconfig \
             files, as base64, into the field client-certificate-data",
        )
}

/// Makes them: all, or none.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let args = CsrArgs::from_arg_matches(matches).map_err(Exit::of)?;
    on_machine(async |machine| {
        let flags = InitFlags { skip_cri_detection: true, strict: args.strict, ..InitFlags::default() };
        let mut loaded = load_init(&machine, args.config.as_deref(), flags)?;
        if let Some(directory) = args.cert_dir {
            loaded.cluster.certificates_dir = directory;
        }
        let said = make(&machine, &loaded, &args.kubeconfig_dir)?;
        data(&said);
        Ok(())
    })
}

fn make(machine: &Machine, loaded: &Init, kubeconfig_dir: &Utf8Path) -> Result<String, Failure> {
    let Init { init, cluster, facts, .. } = loaded;
    let issuing = Issuing { cluster, facts, now: machine.backends.clock.now() };
    let conventions = issuing.conventions();
    let node_name = &init.node_registration.name;
    let mut said = format!("generating keys and CSRs in {}\n", cluster.certificates_dir);
    let mut files = Vec::new();
    for kind in CertificateKind::ALL.into_iter().filter(|kind| !kind.is_authority()) {
        let profile = kind.profile();
        let names = match profile.names {
            NameSource::Apiserver => ServingNames::api_server(init, cluster),
            NameSource::EtcdServer => ServingNames::etcd_server(init, cluster),
            NameSource::EtcdPeer => ServingNames::etcd_peer(init, cluster),
            NameSource::None => ServingNames::default(),
        };
        let spec = profile.leaf_spec(&conventions, node_name, SanSet::new(names.dns, names.ips));
        let spec = spec.ok_or_else(|| Failure::new(format!("{} is no certificate to ask for", profile.phase)))?;
        let (key, request) = ask(&spec, &issuing)?;
        let (crt, path) = pair_paths(cluster, profile.base_name);
        files.push((path, Contents::secret(key.to_pem()?.as_bytes())));
        files.push((crt.with_extension("csr"), request));
        // Writing to a text cannot fail.
        let _ = writeln!(said, "  {}", profile.base_name);
    }
    let _ = writeln!(said, "generating keys and CSRs in {kubeconfig_dir}");
    let options = InitOptions::default();
    let credentials = Credentials { init, cluster, facts, options: &options };
    for kind in credentials.kinds() {
        let (key, request) = ask(&kind.leaf_spec(&conventions, node_name), &issuing)?;
        let server = match kind {
            // Unlike at `init`: whoever signs may know only the cluster's endpoint.
            kubewright_pki::KubeconfigKind::Kubelet => cluster.endpoint(&init.local_api_endpoint).url(),
            kind => credentials.server(kind),
        };
        let document = Kubeconfig::awaiting_certificate(&cluster.cluster_name, &server, &kind.user(node_name), &key)?;
        let document = if facts.credentials.kubeconfig_preferences { document.with_preferences() } else { document };
        let path = kubeconfig_dir.join(kind.file_name());
        files.push((path.clone(), Contents::secret(render(&document)?)));
        files.push((Utf8PathBuf::from(format!("{path}.csr")), request));
        let _ = writeln!(said, "  {}", kind.file_name());
    }
    write(machine, &files)?;
    Ok(said)
}

fn ask(spec: &LeafSpec, issuing: &Issuing<'_>) -> Result<(PrivateKey, Contents), Failure> {
    let key = PrivateKey::generate(issuing.algorithm())?;
    let request = CertificateRequest::for_leaf(spec, &key)?;
    Ok((key, Contents::public(request.to_pem())))
}

/// Writes all of them, or none when one is there already.
fn write(machine: &Machine, files: &[(Utf8PathBuf, Contents)]) -> Result<(), Failure> {
    for (path, _) in files {
        if machine.files.read(path)?.is_some() {
            return Err(Failure::new(format!("file already exists: `{path}`")).hint(
                "nothing was written; move it away, or name other directories with --cert-dir and --kubeconfig-dir",
            ));
        }
    }
    let (events, _) = Events::channel();
    let log = EffectLog::new("generate-csr", Arc::new(Journal::discarding("generate-csr")), events);
    let session = machine.files.begin(log);
    for (path, contents) in files {
        session.write(path, contents, paths::SECRET_FILE).context("cannot write the requests")?;
    }
    session.commit().context("cannot write the requests")
}
