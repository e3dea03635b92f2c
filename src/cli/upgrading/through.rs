//! `upgrade apply --through …`: several upgrades, one after the other. All of them are judged before the first begins; what
//! is done is not done again. Ours.

use camino::Utf8Path;
use kubewright_config::chain::{self, Step};
use kubewright_config::skew::Allowed;
use kubewright_config::{KubernetesVersion, UpgradeConfiguration, resolve_version};
use kubewright_engine::{Done, Failure, FailureContext, FailureKind, Seeds, replay};
use kubewright_host::STATE_DIR;
use kubewright_node::{Backends, ObjectRef};
use kubewright_phases::asking::Asking;
use kubewright_phases::running::{node_name, read_versions};
use kubewright_phases::upgrading::before::access;
use kubewright_phases::upgrading::{Kept, Stage, UpgradeOptions, stand_in};

use super::apply::{PROCEED, one, proceed, upgraded};
use super::{Begun, DRY, begin, finish_going_back, select};
use crate::args::{ApplyArgs, DryRun, Global, THE_VERSION, Typed};
use crate::backends::{Machine, on_machine};
use crate::exit::Exit;
use crate::render::{self, note, warn};
use crate::run::DryWorld;
use crate::workflows::{self, UPGRADE_APPLY};

/// Runs what is left of the way.
pub fn run(global: &Global, args: &ApplyArgs, typed: &Typed) -> Result<(), Exit> {
    on_machine(async |machine| go(machine, global, args, typed).await)
}

async fn go(machine: Machine, global: &Global, args: &ApplyArgs, typed: &Typed) -> Result<(), Exit> {
    let open = open_run(&machine)?;
    let begun = begin(machine, &args.run, &args.flags(), typed).await?;
    let own = &begun.settings.apply;
    let steps = chain::parse(&args.through, own.kubernetes_version.as_deref())
        .kind(FailureKind::Validation)
        .hint("name every version once, in rising order; the argument is the last of them")?;
    let (dry_run, force) = (DryRun::of(args.run.dry_run, own.node.dry_run), own.force_upgrade);
    finish_going_back(&begun, dry_run, global, &args.run, typed).await?;
    let first = steps.first().cloned();
    let mut options = UpgradeOptions {
        target: first,
        restore_etcd: args.restore_etcd,
        ..begun.options(UPGRADE_APPLY, args.kubeconfig.as_deref())
    };
    let (cluster, said) = begun.cluster(&mut options, dry_run).await?;
    if dry_run == DryRun::No {
        let way = Way::find(&begun.machine.backends, &begun.settings, &options, steps, open.as_ref()).await?;
        way.tell();
        way.must_be_allowed(force)?;
        proceed(&begun, args, dry_run)?;
        return way.go(global, args, typed).await;
    }
    said.iter().for_each(|line| note(line.tag, &line.text));
    let Begun { machine, settings, .. } = begun;
    let world = DryWorld::new(machine.root, machine.backends, cluster)?;
    let way = Way::find(&world.backends, &settings, &options, steps, open.as_ref()).await?;
    way.tell();
    way.must_be_allowed(force)?;
    let outcome = way.try_out(&world, &settings, &options, (global, args)).await;
    world.tell(UPGRADE_APPLY, dry_run, global)?;
    outcome?;
    render::data(DRY);
    Ok(())
}

/// Where the last whole `upgrade apply` of this node was to go, unless it got there.
fn open_run(machine: &Machine) -> Result<Option<KubernetesVersion>, Exit> {
    let state = crate::state::root(machine).place(STATE_DIR.into());
    let unfinished = replay(&state, UPGRADE_APPLY).map_err(Exit::of)?.unfinished;
    let version = unfinished.as_ref().and_then(|run| run.head.inputs.shown(THE_VERSION));
    Ok(version.and_then(|text| resolve_version(text).ok()))
}

/// What of the way is behind this node, and what is before it.
struct Way {
    node: String,
    steps: Vec<KubernetesVersion>,
    /// The version of this node's API server, unless it does not answer in the middle of an upgrade.
    stands_at: Option<KubernetesVersion>,
    /// The last steps, which are not done.
    ahead: Vec<Step>,
}

impl Way {
    /// Looks how far this node is, and holds what is left against the policy.
    async fn find(
        backends: &Backends,
        settings: &UpgradeConfiguration,
        options: &UpgradeOptions,
        steps: Vec<KubernetesVersion>,
        open: Option<&KubernetesVersion>,
    ) -> Result<Self, Failure> {
        let read = |path: &Utf8Path| Ok(backends.files.read(path)?);
        let node = node_name(&read)?;
        let access = access(&read, options, settings)?;
        let under_way = Kept::on_disk(&*backends.files)?.filter(|kept| kept.stage == Stage::Upgrading);
        let begins = under_way.map(|kept| begins(&steps, &kept)).transpose()?;
        let standing = match (read_versions(&access, Asking::Silent(&*backends.kube)).await, begins) {
            (Ok(running), _) => running.standing(),
            // What was to be asked before it began was asked, and each step after it asks again.
            (Err(_), Some(begins)) => {
                let ahead = steps[begins..].iter().cloned().map(chain::unjudged).collect();
                return Ok(Self { node, steps, stands_at: None, ahead });
            }
            (Err(failure), None) => return Err(failure.context("cannot see how far this node is on the way")),
        };
        let own = standing.api_servers.get(&node).unwrap_or(&standing.cluster).clone();
        let unfinished = || steps.iter().position(|step| *step == own && open == Some(step));
        let begins = begins.or_else(unfinished).unwrap_or_else(|| steps.len() - chain::ahead(&own, &steps).len());
        let allowed = Allowed {
            experimental: settings.apply.allow_experimental_upgrades,
            release_candidates: settings.apply.allow_rc_upgrades,
        };
        let ahead = chain::judge(&standing, &node, &steps[begins..], allowed);
        Ok(Self { node, steps, stands_at: Some(own), ahead })
    }

    /// The steps that are left, each with its number among all.
    fn numbered(&self) -> impl Iterator<Item = (String, &Step)> {
        let all = self.steps.len();
        let first = all - self.ahead.len() + 1;
        (first..)
            .zip(&self.ahead)
            .map(move |(number, step)| (format!("step {number} of {all}, to {}", step.target), step))
    }

    fn tell(&self) {
        let done = &self.steps[..self.steps.len() - self.ahead.len()];
        if let (Some(last), Some(own)) = (done.last(), &self.stands_at) {
            let node = &self.node;
            let line = format!("The steps up to {last} are done: the API server of \"{node}\" is {own}");
            note("upgrade/through", &line);
        }
        for (name, step) in self.numbered() {
            let oldest = step.oldest_kubelet;
            note("upgrade/through", &format!("To do: {name}; kubelets must be of 1.{oldest} or newer before it"));
            step.skew.warnings.iter().for_each(|text| warn(&format!("{name}: {text}")));
        }
    }

    fn must_be_allowed(&self, force: bool) -> Result<(), Failure> {
        let refused = self.numbered().find_map(|(name, step)| Some((name, step.skew.refusal(force)?)));
        let Some((name, refusal)) = refused else { return Ok(()) };
        let failure = Failure::new(refusal).context(format!("{name}, is refused, and nothing was begun"));
        let before =
            self.ahead.iter().map(|step| &step.target).take_while(|target| !name.ends_with(&format!(" {target}")));
        let hint = match before.last() {
            Some(last) => format!(
                "go up to {last} first; then run `upgrade node` on the other control planes and bring the kubelets there"
            ),
            None => "name a version between, or see what `kubewright upgrade plan` says of the way".to_owned(),
        };
        Err(failure.kind(FailureKind::Preflight).hint(hint))
    }

    /// Does what is left.
    async fn go(&self, global: &Global, args: &ApplyArgs, typed: &Typed) -> Result<(), Exit> {
        for (name, step) in self.numbered() {
            note("upgrade/through", &format!("Now {name}"));
            let (target, through) = (Some(step.target.to_string()), Vec::new());
            let own = ApplyArgs { target, through, yes: true, ..args.clone() };
            if let Err(exit) = one(Machine::live(), global, &own, typed, None).await {
                render::say(&format!("[upgrade/through] The way ended in {name}; the same command goes on from there"));
                return Err(exit);
            }
            render::data(&upgraded(&step.target));
        }
        render::data(PROCEED);
        Ok(())
    }

    /// Does it in name only: each step finds what the ones before it would have made.
    async fn try_out(
        &self,
        world: &DryWorld,
        settings: &UpgradeConfiguration,
        options: &UpgradeOptions,
        (global, args): (&Global, &ApplyArgs),
    ) -> Result<(), Exit> {
        let workflow = workflows::upgrade_apply();
        let selection = select(&workflow.tree(), &args.run, &settings.apply.node.skip_phases, None);
        for (name, Step { target, .. }) in self.numbered() {
            note("upgrade/through", &format!("Now {name}"));
            let options = UpgradeOptions { target: Some(target.clone()), ..options.clone() };
            let seeds = Seeds::new().with(settings.clone()).with(options);
            let plan = workflow.plan(seeds, &selection, &Done::none()).map_err(Exit::of)?;
            world.run(&plan, Vec::new(), render::choose(global)?, &args.run).await?;
            for pod in stand_in::shown(&*world.backends.files, &self.node)? {
                let name = ObjectRef::of(&pod).expect("it was made of a manifest, and has a name");
                world.sent.appear(&name, pod);
            }
            world.sent.serve(target.to_string());
        }
        Ok(())
    }
}

/// With which step an upgrade goes on that is under way.
fn begins(steps: &[KubernetesVersion], kept: &Kept) -> Result<usize, Failure> {
    let place = steps.iter().position(|step| step.to_string() == kept.to);
    place.ok_or_else(|| {
        let failure = format!("an upgrade of this node to {} is under way, and --through does not name it", kept.to);
        let hint = format!("finish it with {}, or take it back with `kubewright upgrade rollback`", kept.to);
        Failure::new(failure).kind(FailureKind::Validation).hint(hint)
    })
}

#[cfg(test)]
mod tests;
