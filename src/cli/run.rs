//! One run, whatever the command: lock, recover, resume, plan, journal, run, render.

use std::sync::Arc;

use kubewright_engine::{
    Digest, Done, EventKind, Events, Failure, FailureKind, Journal, Plan, Resume, RunOptions, Runner, Seeds, Selection,
    Workflow, replay, resumable,
};
use kubewright_host::{LockError, NodeLock, Overlay, STATE_DIR};
use kubewright_node::Node;
use kubewright_node::dry_run::DryCluster;

use crate::args::{DryRun, Global, Progress, RunArgs};
use crate::backends::Machine;
use crate::commands::version::VERSION;
use crate::exit::Exit;
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
    pub config: Digest,
    /// Whether nothing is changed, and how what would be is shown.
    pub dry_run: DryRun,
    /// The cluster that a dry run meets.
    pub dry_cluster: DryCluster,
    /// What is said before the first phase.
    pub intro: Vec<Note>,
}

/// A line that belongs to no phase.
pub struct Note {
    tag: &'static str,
    text: String,
}

impl Note {
    /// A line with its word in brackets.
    pub fn new(tag: &'static str, text: impl Into<String>) -> Self {
        Self { tag, text: text.into() }
    }
}

/// Runs it, and tells how it ended.
pub async fn execute(machine: Machine, run: Run, global: &Global, args: &RunArgs) -> Result<(), Exit> {
    match run.dry_run {
        DryRun::No => live(machine, run, global, args).await,
        DryRun::Whole | DryRun::Diff => dry(machine, run, global, args).await,
    }
}

async fn live(machine: Machine, run: Run, global: &Global, args: &RunArgs) -> Result<(), Exit> {
    // An unknown phase is told before anything is touched.
    run.workflow.plan(run.seeds.clone(), &run.selection, &Done::none()).map_err(Exit::of)?;
    let root = crate::state::root(&machine);
    let rootless = machine.backends.probe.effective_uid() != 0;
    let _lock = NodeLock::acquire(&root, &run.command).map_err(|error| unlocked(error, rootless))?;
    let state = root.place(STATE_DIR.into());
    let history = replay(&state, run.workflow.name()).map_err(Exit::of)?;
    let unfinished = history.unfinished.as_ref().filter(|_| !args.fresh);
    let (done, resumes) = match resumable(unfinished, run.workflow.name(), &run.config, &run.selection) {
        Resume::Fresh => (Done::none(), None),
        Resume::Continue { run_id, done } => (done, Some(run_id)),
        Resume::Refuse { why } => return Err(Failure::new(why).kind(FailureKind::Validation).into()),
    };
    let plan = run.workflow.plan(run.seeds, &run.selection, &done).map_err(Exit::of)?;
    // Not before it is clear that this run may go on: one that is refused changes nothing.
    let mut intro = run.intro;
    if let Some(newest) = &history.newest {
        let recovered = machine.files.recover(newest).map_err(Exit::of)?;
        intro.extend(recovered.lines().into_iter().map(|line| Note::new("resume", line)));
    }
    let journal = Journal::begin(&state, plan.head(VERSION, run.config, resumes)).map_err(Exit::of)?;
    conduct(Node::new(machine.backends), &plan, journal, intro, global, false, args).await
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

async fn dry(machine: Machine, run: Run, global: &Global, args: &RunArgs) -> Result<(), Exit> {
    let plan = run.workflow.plan(run.seeds, &run.selection, &Done::none()).map_err(Exit::of)?;
    let overlay = Overlay::new(machine.root.clone());
    let (backends, sent) = machine.backends.into_dry_run(overlay.clone(), run.dry_cluster);
    let journal = Journal::discarding("dry-run");
    let outcome = conduct(Node::new(backends), &plan, journal, run.intro, global, true, args).await;
    // The events say it all in their own form; text would spoil it.
    if global.progress != Progress::Json {
        render::dry_run::tell(&overlay, &sent, plan.workflow(), run.dry_run)?;
    }
    outcome
}

async fn conduct(
    node: Node,
    plan: &Plan<Node>,
    journal: Journal,
    intro: Vec<Note>,
    global: &Global,
    dry_run: bool,
    args: &RunArgs,
) -> Result<(), Exit> {
    let cancel = signals::cancellation().map_err(Exit::of)?;
    let (events, receiver) = Events::channel();
    let renderer = render::choose(global)?;
    let rendering = tokio::spawn(render::consume(receiver, renderer));
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
