//! `init` and `init phase …`: from flags to seeds.

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::{Init, load_init};
use kubewright_engine::{InputValue, Seeds, Selection, Tree};
use kubewright_node::dry_run::DryCluster;
use kubewright_phases::credentials::Credentials;
use kubewright_phases::options::InitOptions;
use kubewright_phases::{external_ca, printing, random};

use crate::args::{DryRun, Global, InitArgs, Typed, skipped};
use crate::backends::{node_facts, on_machine};
use crate::exit::Exit;
use crate::given::{GivenConfig, hidden};
use crate::program;
use crate::render::{self, warn, warn_of};
use crate::run::{Identity, Note, Run, execute, refuse_while_another_runs};
use crate::workflows;

/// Runs `init`, or one of its phases.
pub fn run(global: &Global, args: &InitArgs, typed: &Typed, phase: Option<String>) -> Result<(), Exit> {
    on_machine(async |machine| {
        let file = GivenConfig::read(args.run.config.as_deref())?;
        refuse_while_another_runs(&machine, &args.run, &file)?;
        let facts = node_facts(&machine.backends).await;
        let flags = args.flags();
        let (mut loaded, warnings) = load_init(file.document(), &flags, &facts, &mut random::fill)?;
        warn_of(&warnings);

        let (registration, endpoint) = (&loaded.init.node_registration, loaded.init.local_api_endpoint.url());
        tracing::info!("[init] Kubernetes {}, node {:?}", loaded.facts.version, registration.name);
        tracing::info!("[init] API server at {endpoint}, container runtime at {}", registration.cri_socket);

        let workflow = workflows::init();
        let selection = select(&workflow.tree(), args, &loaded, phase.as_deref());
        loaded.skip_addons(selection.skip.iter().map(String::as_str));
        let dry_run = loaded.init.dry_run;
        let identity = identity(&file, args, typed, &loaded);
        let options = InitOptions {
            program: program::name().to_owned(),
            kubeconfig: Utf8PathBuf::from(&args.kubeconfig),
            kubeconfig_dir: Utf8PathBuf::from(&args.kubeconfig_dir),
            upload_certs: args.upload_certs,
            skip_token_print: args.skip_token_print,
            skip_certificate_key_print: args.skip_certificate_key_print,
            proxy_environment: facts.proxy_environment,
        };
        let credentials =
            Credentials { init: &loaded.init, cluster: &loaded.cluster, facts: &loaded.facts, options: &options };
        let files = &machine.backends.files;
        let promised = crate::state::promised(&machine, workflow.name());
        // A key that a power cut left under its temporary name, with its certificate in place, is kept nowhere else.
        let read = |path: &Utf8Path| match (files.read(path)?, promised.get(path)) {
            (None, Some(waiting)) => Ok(files.read(waiting)?),
            (found, _) => Ok(found),
        };
        let external = external_ca::look(&credentials, machine.backends.clock.now(), read)?;
        external.warnings.iter().for_each(|warning| warn(warning));
        if args.print_manifest {
            let (init, cluster, facts) = (&loaded.init, &loaded.cluster, &loaded.facts);
            let probe = &*machine.backends.probe;
            render::data(&match phase.as_deref() {
                Some("addon/coredns") => printing::coredns(init, cluster, facts, probe)?,
                Some("addon/kube-proxy") => printing::kube_proxy(init, cluster, &loaded.kube_proxy, facts, probe)?,
                _ => return Err(Exit::failed("unknown flag: --print-manifest; it is one of `init phase addon …`")),
            });
            return Ok(());
        }
        let version = (phase.is_none()).then(|| format!("Using Kubernetes version: {}", loaded.facts.version));
        let intro = version.into_iter().map(|line| Note::new("init", line)).collect();
        let seeds = Seeds::new()
            .with(loaded.init)
            .with(loaded.cluster)
            .with(loaded.kubelet)
            .with(loaded.kube_proxy)
            .with(loaded.facts)
            .with(options);
        let dry_run = DryRun::of(args.run.dry_run, dry_run);
        let command = format!("{} init", program::name());
        let run = Run {
            command,
            workflow,
            seeds,
            selection,
            identity,
            dry_run,
            dry_cluster: DryCluster::New,
            intro,
            undoes: false,
        };
        execute(machine, run, global, &args.run).await
    })
}

/// The flag wins over the file, and the file's list is for whole runs only.
fn select(tree: &Tree, args: &InitArgs, loaded: &Init, phase: Option<&str>) -> Selection {
    let given = match phase {
        None if args.run.skip_phases.is_empty() => &loaded.init.skip_phases,
        _ => &args.run.skip_phases,
    };
    Selection { only: phase.map(str::to_owned).into_iter().collect(), skip: skipped(tree, given) }
}

/// What makes two runs the same one: the file, the flags that shape the cluster, and what was found out from the
/// machine. Not how it is shown, which checks are ignored, and whether secrets are printed.
fn identity(file: &GivenConfig, args: &InitArgs, typed: &Typed, loaded: &Init) -> Identity {
    let mut inputs = file.inputs(typed.inputs());
    // Digests only: they are random, and too long to be guessed.
    for (flag, secret) in [("--token", &args.token), ("--certificate-key", &args.certificate_key)] {
        if let Some(secret) = secret {
            inputs = inputs.with(flag, hidden(secret.reveal().as_bytes()));
        }
    }
    let shown = |text: &dyn ToString| InputValue::Shown(text.to_string());
    let inputs = inputs
        .with("the Kubernetes version", shown(&loaded.cluster.kubernetes_version))
        .with("the address that the API server advertises", shown(&loaded.init.local_api_endpoint.url()))
        .with("the node's name", shown(&loaded.init.node_registration.name));
    Identity { inputs, typed: typed.again() }
}
