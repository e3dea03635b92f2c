//! One run, whatever the command: lock, recover, resume, plan, journal, run, render.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubewright_engine::{
    Done, EventKind, Events, Failure, FailureKind, Head, InputValue, Inputs, Journal, Plan, Promise, Renderer, Replay,
    Resume, RunOptions, Runner, Seeds, Selection, Workflow, covers, forget, replay, resumable,
};
use kubewright_host::{Damage, HostFiles, LockError, NodeLock, Overlay, Recovered, Root, STATE_DIR};
use kubewright_node::dry_run::{DryCluster, Sent};
use kubewright_node::{Backends, Node};

use crate::args::{DryRun, Global, Progress, RunArgs};
use crate::backends::Machine;
use crate::exit::Exit;
use crate::given::GivenConfig;
use crate::program::VERSION;
use crate::render;
use crate::signals;

/// A run that is about to begin.
pub struct Run {
    /// What the lock tells others: the command without its flags, which may hold secrets.
    pub command: String,
    /// Its graph.
    pub workflow: Workflow<Node>,
    /// What is known before it begins.
    pub seeds: Seeds,
    /// Which phases.
    pub selection: Selection,
    /// What makes it the same run as an earlier one.
    pub identity: Identity,
    /// Whether nothing is changed, and how what would be is shown.
    pub dry_run: DryRun,
    /// The cluster that a dry run meets.
    pub dry_cluster: DryCluster,
    /// What is said before the first phase.
    pub intro: Vec<Note>,
    /// It takes back what earlier runs did: none of them is gone on with afterwards, it neither, and of a whole one that
    /// succeeds nothing is kept.
    pub undoes: bool,
}

/// What makes two runs the same one, and what to type to get the same again.
pub struct Identity {
    /// All that decides what the phases make.
    pub inputs: Inputs,
    /// The command line without its secrets.
    pub typed: String,
}

/// A line that belongs to no phase.
pub struct Note {
    /// The word in brackets.
    pub tag: &'static str,
    /// The line.
    pub text: String,
}

impl Note {
    /// A line with its word in brackets.
    pub fn new(tag: &'static str, text: impl Into<String>) -> Self {
        Self { tag, text: text.into() }
    }
}

/// Ends at once when another run is going on, before time is spent on a configuration that cannot be used now. A run that
/// may turn out to be a dry one needs no lock, and goes on.
pub fn refuse_while_another_runs(machine: &Machine, args: &RunArgs, file: &GivenConfig) -> Result<(), Exit> {
    if args.dry_run.is_some() || file.document().is_some_and(|(_, bytes)| mentions(bytes, b"dryRun")) {
        return Ok(());
    }
    let root = crate::state::root(machine);
    match NodeLock::holder(&root) {
        Ok(Some(holder)) => Err(Exit::of(LockError::Held { path: root.place(STATE_DIR.into()), holder })),
        // What is wrong with the lock is told when it is to be taken.
        Ok(None) | Err(_) => Ok(()),
    }
}

fn mentions(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Brings the files of the last run to one side, for who must read one before it is clear what is to be run. Gives what is
/// to be told of it.
pub fn recover(machine: &Machine, command: &str) -> Result<Vec<Note>, Exit> {
    let root = crate::state::root(machine);
    let rootless = machine.backends.probe.effective_uid() != 0;
    let _lock = NodeLock::acquire(&root, command).map_err(|error| unlocked(error, rootless))?;
    let history = replay(&root.place(STATE_DIR.into()), command).map_err(Exit::of)?;
    recover_after(history.newest.as_ref(), machine)
}

fn recover_after(newest: Option<&Replay>, machine: &Machine) -> Result<Vec<Note>, Exit> {
    let recovered = newest.map(|newest| machine.files.recover(newest)).transpose().map_err(Exit::of)?;
    Ok(recovered.iter().flat_map(Recovered::lines).map(|line| Note::new("resume", line)).collect())
}

/// Runs it, and tells how it ended.
pub async fn execute(machine: Machine, run: Run, global: &Global, args: &RunArgs) -> Result<(), Exit> {
    execute_shown(machine, run, global, args, render::choose(global)?).await
}

/// Runs it, shown otherwise than the flags of every command say.
pub async fn execute_shown(
    machine: Machine,
    run: Run,
    global: &Global,
    args: &RunArgs,
    renderers: Vec<Box<dyn Renderer>>,
) -> Result<(), Exit> {
    match run.dry_run {
        DryRun::No => live(machine, run, renderers, args).await,
        DryRun::Whole | DryRun::Diff => dry(machine, run, global, renderers, args).await,
    }
}

async fn live(machine: Machine, run: Run, renderers: Vec<Box<dyn Renderer>>, args: &RunArgs) -> Result<(), Exit> {
    // An unknown phase is told before anything is touched.
    run.workflow.plan(run.seeds.clone(), &run.selection, &Done::none()).map_err(Exit::of)?;
    let root = crate::state::root(&machine);
    let rootless = machine.backends.probe.effective_uid() != 0;
    let lock = NodeLock::acquire(&root, &run.command).map_err(|error| unlocked(error, rootless))?;
    let state = root.place(STATE_DIR.into());
    let history = replay(&state, run.workflow.name()).map_err(Exit::of)?;
    let Identity { inputs, typed } = run.identity;
    // Another version of the program may have other phases, or make other files in them.
    let inputs = inputs.with("the version of kubewright", InputValue::Shown(VERSION.into()));
    let unfinished = history.unfinished.as_ref().filter(|_| !args.fresh && !run.undoes);
    let (mut done, resumes) = match resumable(unfinished, run.workflow.name(), &inputs, &run.selection) {
        Resume::Fresh => (Done::none(), None),
        Resume::Continue { run_id, done } => (done, Some(run_id)),
        Resume::Refuse { why } => return Err(refused(why, unfinished, &typed).into()),
    };
    let mut intro = run.intro;
    let mut promised = Vec::new();
    if let (Some(last), Some(_)) = (unfinished, &resumes) {
        let verified = verify(&machine.files, &run.workflow, last, done, &run.selection)?;
        done = verified.done;
        promised = verified.promised;
        intro.extend(verified.said.into_iter().map(|line| Note::new("resume", line)));
    }
    let plan = run.workflow.plan(run.seeds, &run.selection, &done).map_err(Exit::of)?;
    // Not before it is clear that this run may go on: one that is refused changes nothing.
    intro.extend(recover_after(history.newest.as_ref(), &machine)?);
    if run.undoes {
        forget(&state).map_err(Exit::of)?;
    }
    let head = Head { command: typed, promised, ..plan.head(VERSION, inputs, resumes) };
    let journal = Journal::begin(&state, head).map_err(Exit::of)?;
    conduct(Node::new(machine.backends), &plan, journal, intro, renderers, false, args).await?;
    if run.undoes && run.selection.only.is_empty() {
        forget(&state).map_err(Exit::of)?;
        lock.remove(&root).map_err(Exit::of)?;
    }
    Ok(())
}

/// A run that may not go on where the last one stopped.
fn refused(why: String, last: Option<&Replay>, typed: &str) -> Failure {
    let failure = Failure::new(why).kind(FailureKind::Validation);
    let failure = match last.map(|last| last.head.command.as_str()).filter(|command| !command.is_empty()) {
        Some(command) => failure.hint(format!("to go on with it, run it as then: `{command}`")),
        None => failure.hint("to go on with it, run it with the configuration and flags of then"),
    };
    failure.hint(format!("to plan every phase anew, run `{typed} --fresh`"))
}

/// What is left of an earlier run's word.
struct Verified {
    /// The phases that need not run again.
    done: Done,
    /// What this run promises on.
    promised: Vec<Promise>,
    /// What the user is told.
    said: Vec<String>,
}

/// Looks whether the files of finished phases are still as those promised them. A phase whose file is gone runs again, and
/// so does whoever read what it made; a file that somebody changed is theirs, and they have to say what is wanted.
fn verify(
    files: &HostFiles,
    workflow: &Workflow<Node>,
    last: &Replay,
    done: Done,
    selection: &Selection,
) -> Result<Verified, Exit> {
    // A phase that is left out this time may have its files as they are.
    let believed = |phase: &str| done.phases().any(|done| done == phase) && !skips(selection, phase);
    let broken = files.broken(&last.promised).map_err(Exit::of)?;
    let changed: Vec<_> =
        broken.iter().filter(|broken| believed(&broken.phase) && broken.damage != Damage::Gone).collect();
    if !changed.is_empty() {
        let told: Vec<String> = changed.iter().map(|broken| format!("`{}` of {}", broken.path, broken.phase)).collect();
        let phases: BTreeSet<&str> = changed.iter().map(|broken| broken.phase.as_str()).collect();
        let phases: Vec<&str> = phases.into_iter().collect();
        let command = &last.head.command;
        let failure = Failure::new(format!(
            "somebody changed what run {} of `{}` had finished: {}",
            last.run_id,
            workflow.name(),
            told.join(", ")
        ));
        let failure = failure
            .kind(FailureKind::Validation)
            .hint(format!("to keep it, run `{command} --skip-phases={}`", phases.join(",")))
            .hint(format!("to have it made anew where it is not as it should be, run `{command} --fresh`"))
            .hint("or put back what stood there, and run the same command");
        return Err(failure.into());
    }
    let gone: Vec<_> = broken.iter().filter(|broken| believed(&broken.phase)).collect();
    let again: BTreeSet<&str> = gone.iter().map(|broken| broken.phase.as_str()).collect();
    let again = workflow.with_readers(&again);
    let mut said: Vec<String> = gone
        .iter()
        .map(|broken| format!("`{}` of {} is gone: the phase runs again", broken.path, broken.phase))
        .collect();
    let readers: Vec<&str> = done
        .phases()
        .filter(|phase| again.contains(phase) && gone.iter().all(|broken| broken.phase != *phase))
        .collect();
    if !readers.is_empty() {
        said.push(format!("what was made with it is looked at again: {}", readers.join(", ")));
    }
    let lost = |promise: &Promise| broken.iter().any(|broken| broken.path == promise.path);
    let promised = last.promised.iter().filter(|promise| !lost(promise)).cloned().collect();
    Ok(Verified { done: done.without(&again), promised, said })
}

/// Whether the user leaves the phase out.
fn skips(selection: &Selection, phase: &str) -> bool {
    selection.skip.iter().any(|group| covers(group, phase))
}

fn unlocked(error: LockError, rootless: bool) -> Exit {
    let no_place = rootless && matches!(error, LockError::Io { .. });
    let failure = Failure::from(error);
    Exit::from(match no_place {
        true => failure
            .hint("run the same command with sudo")
            .hint("phases that need no root want a directory to keep their journal in: name one in XDG_STATE_HOME"),
        false => failure,
    })
}

async fn dry(
    machine: Machine,
    run: Run,
    global: &Global,
    renderers: Vec<Box<dyn Renderer>>,
    args: &RunArgs,
) -> Result<(), Exit> {
    let plan = run.workflow.plan(run.seeds, &run.selection, &Done::none()).map_err(Exit::of)?;
    let world = DryWorld::new(machine.root, machine.backends, run.dry_cluster)?;
    let outcome = world.run(&plan, run.intro, renderers, args).await;
    world.tell(plan.workflow(), run.dry_run, global)?;
    outcome
}

/// The machine and the cluster as dry runs find them: what one would have done is there for the next.
pub struct DryWorld {
    /// What its runs get.
    pub backends: Backends,
    /// What they would have sent.
    pub sent: Arc<Sent>,
    overlay: Arc<Overlay>,
}

impl DryWorld {
    /// Nothing was done in it yet.
    pub fn new(root: Root, backends: Backends, cluster: DryCluster) -> Result<Self, Exit> {
        let overlay = Overlay::new(root);
        let (backends, sent) = backends.into_dry_run(overlay.clone(), cluster).map_err(Exit::of)?;
        Ok(Self { backends, sent, overlay })
    }

    /// Runs in it.
    pub async fn run(
        &self,
        plan: &Plan<Node>,
        intro: Vec<Note>,
        renderers: Vec<Box<dyn Renderer>>,
        args: &RunArgs,
    ) -> Result<(), Exit> {
        let node = Node::new(self.backends.clone());
        conduct(node, plan, Journal::discarding("dry-run"), intro, renderers, true, args).await
    }

    /// Every file that was changed in it.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    #[cfg(test)]
    pub fn changes(&self) -> Result<Vec<kubewright_host::DryChange>, kubewright_node::FileError> {
        self.overlay.changes()
    }

    /// Tells what would have been changed in it.
    pub fn tell(&self, workflow: &str, how: DryRun, global: &Global) -> Result<(), Exit> {
        match global.progress {
            // The events say it all in their own form; text would spoil it.
            Progress::Json => Ok(()),
            _ => render::dry_run::tell(&self.overlay, &self.sent, workflow, how),
        }
    }
}

async fn conduct(
    node: Node,
    plan: &Plan<Node>,
    journal: Journal,
    intro: Vec<Note>,
    renderers: Vec<Box<dyn Renderer>>,
    dry_run: bool,
    args: &RunArgs,
) -> Result<(), Exit> {
    let cancel = signals::cancellation().map_err(Exit::of)?;
    let (events, receiver) = Events::channel();
    let rendering = tokio::spawn(render::consume(receiver, renderers));
    for Note { tag, text } in intro {
        events.send(EventKind::Note { phase: String::new(), tag: tag.into(), text });
    }
    let mut options = RunOptions::new(cancel);
    options.dry_run = dry_run;
    options.faults = crate::faults::from_environment().map_err(Exit::from)?;
    if let Some(jobs) = args.jobs {
        options.jobs = jobs;
    }
    let outcome = Runner::new(Arc::new(node), Arc::new(journal), events).run(plan, options).await;
    rendering.await.map_err(Exit::of)?.map_err(Exit::of)?;
    match outcome {
        Ok(_) => Ok(()),
        // Phases that failed were told as events; the run's own failure was not.
        Err(failed) if failed.failure.get_kind() == FailureKind::Cancelled => {
            render::say("stopped; the same command goes on from here");
            Err(Exit::told(FailureKind::Cancelled))
        }
        Err(failed) if failed.phase.is_some() => Err(Exit::told(failed.failure.get_kind())),
        Err(failed) => Err(failed.failure.into()),
    }
}
