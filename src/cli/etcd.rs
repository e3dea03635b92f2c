//! `etcd restore`: from flags to seeds, after whoever typed it was asked.

use camino::Utf8PathBuf;
use clap::{ArgMatches, FromArgMatches};
use kubewright_engine::{Failure, FailureKind, InputValue, Inputs, Seeds, Selection};
use kubewright_node::dry_run::DryCluster;
use kubewright_phases::restoring::RestoreOptions;

use crate::args::{self, DryRun, Global, RestoreArgs, RunArgs, Typed, skipped};
use crate::backends::{Machine, host_facts, on_machine};
use crate::exit::Exit;
use crate::given::{GivenConfig, confirmed};
use crate::program;
use crate::render;
use crate::reset::known_socket;
use crate::run::{Identity, Run, execute, refuse_while_another_runs};
use crate::workflows::{self, ETCD_RESTORE};

/// Runs the command below `etcd`.
pub fn dispatch(global: &Global, matches: &ArgMatches) -> Result<(), Exit> {
    match matches.subcommand() {
        Some(("restore", matches)) => {
            args::refuse_mixed(matches)?;
            let typed = Typed::of(ETCD_RESTORE, None, matches);
            restore(global, &RestoreArgs::from_arg_matches(matches).map_err(Exit::of)?, &typed)
        }
        _ => Err(Exit::failed("subcommand is required")),
    }
}

fn restore(global: &Global, args: &RestoreArgs, typed: &Typed) -> Result<(), Exit> {
    on_machine(async |machine| {
        let file = GivenConfig::read(args.run.config.as_deref())?;
        refuse_while_another_runs(&machine, &args.run, &file)?;
        let snapshot = absolute(&args.snapshot)?;
        let socket = socket(args.cri_socket.as_deref(), &machine)?;
        let dry_run = args.run.dry_run.unwrap_or(DryRun::No);
        if !args.yes && dry_run == DryRun::No {
            render::say(&format!(
                "[etcd/restore] WARNING: the cluster goes back to what it was when {snapshot} was saved; everything written \
                 since is lost, and the control plane is stopped meanwhile."
            ));
            render::data("[etcd/restore] Are you sure you want to proceed? [y/N]: ");
            if !confirmed() {
                return Err(Exit::failed("won't proceed; the user didn't answer (Y|y) in order to continue"));
            }
        }
        let workflow = workflows::etcd_restore();
        let selection = Selection { only: Vec::new(), skip: skipped(&workflow.tree(), &args.run.skip_phases) };
        let inputs = Inputs::default().with("the snapshot", InputValue::Shown(snapshot.to_string()));
        let run = Run {
            command: format!("{} {ETCD_RESTORE}", program::name()),
            workflow,
            seeds: Seeds::new().with(RestoreOptions { snapshot: snapshot.clone(), socket }),
            selection,
            identity: Identity { inputs, typed: typed.again() },
            dry_run,
            dry_cluster: DryCluster::Existing(Box::new(Vec::new)),
            intro: Vec::new(),
            undoes: false,
        };
        // What it goes on with is on the disk, in etcd's data directory.
        execute(machine, run, global, &RunArgs { fresh: true, ..args.run.clone() }).await?;
        if dry_run == DryRun::No {
            render::data(&format!("\n[etcd/restore] The cluster is as it was when {snapshot} was saved.\n"));
        }
        Ok(())
    })
}

/// The path as it is wherever one stands.
fn absolute(path: &str) -> Result<Utf8PathBuf, Failure> {
    let given = Utf8PathBuf::from(path);
    if given.is_absolute() {
        return Ok(given);
    }
    camino::absolute_utf8(&given)
        .map_err(|error| Failure::from(error).context(format!("cannot find `{path}`")).kind(FailureKind::Validation))
}

/// The runtime's socket: as it was said, as the kubelet knows it, or the one that answers.
fn socket(given: Option<&str>, machine: &Machine) -> Result<String, Failure> {
    let known = given.map(str::to_owned).or_else(|| known_socket(&*machine.backends.files));
    let found = || match host_facts(&machine.backends).cri_sockets.as_slice() {
        [one] => Some(format!("unix://{one}")),
        _ => None,
    };
    known.or_else(found).ok_or_else(|| {
        Failure::new("the container runtime of this node is not known")
            .kind(FailureKind::Validation)
            .hint("name its socket with --cri-socket")
    })
}
