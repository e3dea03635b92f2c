//! `upgrade apply`, `upgrade node` and `upgrade rollback`: from flags to seeds.

mod apply;
mod through;

use camino::Utf8Path;
use clap::{ArgMatches, FromArgMatches};
use kubewright_config::{HostFacts, UpgradeConfiguration, UpgradeFlags, load_upgrade};
use kubewright_engine::{Failure, FailureKind, InputValue, Seeds, Selection, Tree, Workflow};
use kubewright_node::dry_run::DryCluster;
use kubewright_node::{Backends, Node};
use kubewright_phases::paths;
use kubewright_phases::upgrading::{Kept, Stage, UpgradeOptions, stand_in};

use crate::args::{self, ApplyArgs, DryRun, Global, NodeArgs, RollbackArgs, RunArgs, THE_VERSION, Typed, skipped};
use crate::backends::{Machine, node_facts, on_machine};
use crate::exit::Exit;
use crate::given::GivenConfig;
use crate::program;
use crate::render::{self, warn_of};
use crate::run::{Identity, Note, Run, execute, recover, refuse_while_another_runs};
use crate::workflows::{self, UPGRADE_APPLY, UPGRADE_NODE, UPGRADE_ROLLBACK};

/// Runs the command below `upgrade`.
pub fn dispatch(global: &Global, matches: &ArgMatches) -> Result<(), Exit> {
    match matches.subcommand() {
        Some(("apply", matches)) => {
            let phase = args::chosen_phase(UPGRADE_APPLY, matches)?;
            let chosen = phase.as_ref().map_or(matches, |phase| phase.matches);
            args::refuse_mixed(chosen)?;
            let args = ApplyArgs::from_arg_matches(chosen).map_err(Exit::of)?;
            let typed = Typed::of(UPGRADE_APPLY, phase.as_ref(), chosen);
            match args.through.is_empty() {
                true => apply::run(global, &args, &typed, phase.map(|phase| phase.path)),
                false => through::run(global, &args, &typed),
            }
        }
        Some(("node", matches)) => {
            let phase = args::chosen_phase(UPGRADE_NODE, matches)?;
            let chosen = phase.as_ref().map_or(matches, |phase| phase.matches);
            args::refuse_mixed(chosen)?;
            let args = NodeArgs::from_arg_matches(chosen).map_err(Exit::of)?;
            let typed = Typed::of(UPGRADE_NODE, phase.as_ref(), chosen);
            node(global, &args, &typed, phase.map(|phase| phase.path))
        }
        Some(("rollback", matches)) => {
            args::refuse_mixed(matches)?;
            let typed = Typed::of(UPGRADE_ROLLBACK, None, matches);
            rollback(global, &RollbackArgs::from_arg_matches(matches).map_err(Exit::of)?, &typed)
        }
        _ => Err(Exit::failed("subcommand is required")),
    }
}

/// What one command begins with.
struct Begun {
    machine: Machine,
    facts: HostFacts,
    settings: UpgradeConfiguration,
    identity: Identity,
}

async fn begin(machine: Machine, run: &RunArgs, flags: &UpgradeFlags, typed: &Typed) -> Result<Begun, Exit> {
    let file = GivenConfig::read(run.config.as_deref())?;
    refuse_while_another_runs(&machine, run, &file)?;
    let facts = node_facts(&machine.backends).await;
    let (settings, warnings) = load_upgrade(file.document(), flags)?;
    warn_of(&warnings);
    let of_file = || settings.apply.kubernetes_version.clone();
    let version = flags.kubernetes_version.clone().or_else(of_file).unwrap_or_default();
    let inputs = file.inputs(typed.inputs()).with(THE_VERSION, InputValue::Shown(version));
    Ok(Begun { machine, facts, settings, identity: Identity { inputs, typed: typed.again() } })
}

impl Begun {
    fn has_control_plane(&self) -> bool {
        self.machine.backends.probe.exists(&paths::static_pod("kube-apiserver"))
    }

    fn options(&self, command: &'static str, kubeconfig: Option<&str>) -> UpgradeOptions {
        let control_plane = self.has_control_plane();
        let own = if control_plane || command == UPGRADE_APPLY { paths::ADMIN_CONF } else { paths::KUBELET_CONF };
        UpgradeOptions {
            command,
            target: None,
            kubeconfig: kubeconfig.unwrap_or(own).into(),
            control_plane,
            restore_etcd: false,
            resolved_active: self.facts.resolved_active,
            proxy_environment: self.facts.proxy_environment.clone(),
        }
    }

    /// The cluster that the command is about, and what is said of it first. A dry run goes on without one, as kubeadm's
    /// does; else nobody is asked, and nothing is begun, where the cluster cannot be.
    async fn cluster(&self, options: &mut UpgradeOptions, dry_run: DryRun) -> Result<(DryCluster, Vec<Note>), Exit> {
        let Backends { probe, files, clock, .. } = &self.machine.backends;
        let kubeconfig = options.kubeconfig.clone();
        let note = |text: String| Note::new("dryrun", text);
        if probe.exists(&kubeconfig) {
            let said = (dry_run != DryRun::No).then(|| note(format!("Creating a real client from \"{kubeconfig}\"")));
            return Ok((DryCluster::Existing(Box::new(Vec::new)), said.into_iter().collect()));
        }
        if dry_run == DryRun::No {
            let failure = Failure::new("it is not there");
            let failure = failure.context(format!("couldn't create a Kubernetes client from file \"{kubeconfig}\""));
            return Err(failure
                .hint("name another with --kubeconfig, or run it on a node of the cluster as root")
                .into());
        }
        options.control_plane |= options.command == UPGRADE_APPLY;
        let version = stand_in::version(options.target.as_ref(), &**probe).await;
        let read = |path: &Utf8Path| Ok(files.read(path)?);
        let machine = (&**probe, self.facts.cri_sockets.as_slice());
        let made_up = stand_in::make(&version, &read, options, machine, clock.now())?;
        let said = vec![
            note("Dryrunning without a real client".into()),
            note(format!("\"{kubeconfig}\" is not there: the cluster is made up, and its version is {version}")),
        ];
        Ok((DryCluster::MadeUp(made_up), said))
    }

    /// Runs a workflow. Upgrades never go on with what the journal says is finished: a node may have gone back since.
    /// What they go on with is what the node keeps of them.
    async fn run(
        self,
        workflow: Workflow<Node>,
        options: UpgradeOptions,
        selection: Selection,
        (dry_run, (dry_cluster, intro)): (DryRun, (DryCluster, Vec<Note>)),
        (global, args): (&Global, &RunArgs),
    ) -> Result<(), Exit> {
        let command = format!("{} {}", program::name(), workflow.name());
        let seeds = Seeds::new().with(self.settings).with(options);
        let run = Run {
            command,
            workflow,
            seeds,
            selection,
            identity: self.identity,
            dry_run,
            dry_cluster,
            intro,
            undoes: false,
        };
        execute(self.machine, run, global, &RunArgs { fresh: true, ..args.clone() }).await
    }
}

/// Runs `upgrade node`, or one of its phases.
fn node(global: &Global, args: &NodeArgs, typed: &Typed, phase: Option<String>) -> Result<(), Exit> {
    on_machine(async |machine| {
        let begun = begin(machine, &args.run, &args.flags(), typed).await?;
        let own = &begun.settings.node;
        let dry_run = DryRun::of(args.run.dry_run, own.dry_run);
        finish_going_back(&begun, dry_run, global, &args.run, typed).await?;
        let workflow = workflows::upgrade_node();
        let selection = select(&workflow.tree(), &args.run, &own.skip_phases, phase.as_deref());
        let mut options = begun.options(UPGRADE_NODE, args.kubeconfig.as_deref());
        let cluster = begun.cluster(&mut options, dry_run).await?;
        begun.run(workflow, options, selection, (dry_run, cluster), (global, &args.run)).await?;
        if phase.is_none() && dry_run != DryRun::No {
            render::data(DRY);
        }
        Ok(())
    })
}

/// Runs `upgrade rollback`.
fn rollback(global: &Global, args: &RollbackArgs, typed: &Typed) -> Result<(), Exit> {
    on_machine(async |machine| {
        let begun = begin(machine, &args.run, &UpgradeFlags::default(), typed).await?;
        let dry_run = args.run.dry_run.unwrap_or(DryRun::No);
        let options = UpgradeOptions { restore_etcd: args.restore_etcd, ..begun.options(UPGRADE_ROLLBACK, None) };
        let workflow = workflows::upgrade_rollback();
        let selection = select(&workflow.tree(), &args.run, &[], None);
        begun.run(workflow, options, selection, (dry_run, real_cluster()), (global, &args.run)).await
    })
}

/// Finishes a way back that was stopped, before anything else: in the middle of it the API server may not answer.
async fn finish_going_back(
    begun: &Begun,
    dry_run: DryRun,
    global: &Global,
    args: &RunArgs,
    typed: &Typed,
) -> Result<(), Exit> {
    let kept = || Kept::on_disk(&*begun.machine.backends.files);
    let open = |kept: &Kept| [Stage::Upgrading, Stage::GoingBack].contains(&kept.stage);
    if dry_run != DryRun::No || !kept()?.is_some_and(|kept| open(&kept)) {
        return Ok(());
    }
    // Who died while it was written down that the node goes back had decided it, too.
    for Note { tag, text } in recover(&begun.machine, UPGRADE_ROLLBACK)? {
        render::say(&format!("[{tag}] {text}"));
    }
    let Some(kept) = kept()?.filter(|kept| kept.stage == Stage::GoingBack) else { return Ok(()) };
    let text =
        format!("[upgrade] The upgrade {} was being taken back when that was stopped; it is finished first", kept.name);
    render::say(&text);
    let again = begin(Machine::live(), args, &UpgradeFlags::default(), typed).await?;
    let options = again.options(UPGRADE_ROLLBACK, None);
    let how = (dry_run, real_cluster());
    again.run(workflows::upgrade_rollback(), options, Selection::default(), how, (global, args)).await?;
    Err(Failure::new(format!("this node went back from the upgrade {}, and its control plane serves", kept.name))
        .kind(FailureKind::WentBack)
        .hint("run the same command again to upgrade it anew")
        .into())
}

/// Going back needs no cluster that answers, and nothing is made up for it.
fn real_cluster() -> (DryCluster, Vec<Note>) {
    (DryCluster::Existing(Box::new(Vec::new)), Vec::new())
}

/// The flag wins over the file, and the file's list is for whole runs only.
fn select(tree: &Tree, args: &RunArgs, of_file: &[String], phase: Option<&str>) -> Selection {
    let given = if phase.is_none() && args.skip_phases.is_empty() { of_file } else { &args.skip_phases };
    Selection { only: phase.map(str::to_owned).into_iter().collect(), skip: skipped(tree, given) }
}

/// What is said when a dry run has ended.
const DRY: &str = "[upgrade/successful] Finished dryrunning successfully!\n";
