//! `upgrade apply`: one upgrade, whole or one phase of it.

use kubewright_config::{KubernetesVersion, resolve_version};
use kubewright_engine::{FailureContext, FailureKind};
use kubewright_phases::upgrading::UpgradeOptions;

use super::{Begun, DRY, begin, finish_going_back, select};
use crate::args::{ApplyArgs, DryRun, Global, Typed};
use crate::backends::{Machine, on_machine};
use crate::exit::Exit;
use crate::given::confirmed;
use crate::render;
use crate::workflows::{self, UPGRADE_APPLY};

/// Runs `upgrade apply`, or one of its phases.
pub fn run(global: &Global, args: &ApplyArgs, typed: &Typed, phase: Option<String>) -> Result<(), Exit> {
    on_machine(async |machine| {
        let whole = phase.is_none();
        let (target, dry_run) = one(machine, global, args, typed, phase).await?;
        match dry_run {
            _ if !whole => {}
            DryRun::No => render::data(&format!("{}{PROCEED}", upgraded(&target))),
            DryRun::Whole | DryRun::Diff => render::data(DRY),
        }
        Ok(())
    })
}

/// Runs one of them, and tells which version it was to go to.
pub async fn one(
    machine: Machine,
    global: &Global,
    args: &ApplyArgs,
    typed: &Typed,
    phase: Option<String>,
) -> Result<(KubernetesVersion, DryRun), Exit> {
    let begun = begin(machine, &args.run, &args.flags(), typed).await?;
    let own = &begun.settings.apply;
    let target = wanted(own.kubernetes_version.as_deref())?;
    let dry_run = DryRun::of(args.run.dry_run, own.node.dry_run);
    finish_going_back(&begun, dry_run, global, &args.run, typed).await?;
    let mut options = UpgradeOptions {
        target: Some(target.clone()),
        restore_etcd: args.restore_etcd,
        ..begun.options(UPGRADE_APPLY, args.kubeconfig.as_deref())
    };
    let cluster = begun.cluster(&mut options, dry_run).await?;
    if phase.is_none() {
        proceed(&begun, args, dry_run)?;
    }
    let workflow = workflows::upgrade_apply();
    let selection = select(&workflow.tree(), &args.run, &own.node.skip_phases, phase.as_deref());
    begun.run(workflow, options, selection, (dry_run, cluster), (global, &args.run)).await?;
    Ok((target, dry_run))
}

/// Asks whether it is really meant, unless that was said.
pub fn proceed(begun: &Begun, args: &ApplyArgs, dry_run: DryRun) -> Result<(), Exit> {
    if args.yes || begun.settings.apply.force_upgrade || dry_run != DryRun::No {
        return Ok(());
    }
    render::ask("[upgrade] Are you sure you want to proceed? [y/N]: ");
    match confirmed() {
        true => Ok(()),
        false => Err(Exit::failed("won't proceed; the user didn't answer (Y|y) in order to continue")),
    }
}

/// The version that an argument or the file names.
fn wanted(text: Option<&str>) -> Result<KubernetesVersion, Exit> {
    let Some(text) = text else {
        return Err(Exit::failed("missing one or more required arguments. Required arguments: [version]"));
    };
    Ok(resolve_version(text).kind(FailureKind::Validation)?)
}

/// What is said of an upgrade that is done.
pub fn upgraded(target: &KubernetesVersion) -> String {
    format!("\n[upgrade] SUCCESS! A control plane node of your cluster was upgraded to \"{target}\".\n\n")
}

/// What is left to do then.
pub const PROCEED: &str =
    "[upgrade] Now please proceed with upgrading the rest of the nodes by following the right order.\n";
