//! Carries out a plan: independent phases in parallel, each in a session of its own that is kept or taken back as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use crate::PROGRAM;
use crate::attempt::{Attempts, Ended, stopped};
use crate::event::{EVENT_FORMAT, EventKind, Events, Outcome, RunOutcome};
use crate::failure::{Failure, FailureKind};
use crate::journal::{Journal, Record};
use crate::plan::{Plan, Step, Want, Why};
use crate::run_options::RunOptions;
use crate::store::Made;
use crate::world::World;

/// What a run that succeeded did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The run's identifier.
    pub run_id: String,
    /// How each phase ended, in the plan's order.
    pub outcomes: Vec<(&'static str, Outcome)>,
}

/// Why a run did not succeed. Finished phases are kept.
#[derive(Debug)]
pub struct RunFailed {
    /// The phase that failed first; `None` when the run was stopped or could not be recorded.
    pub phase: Option<&'static str>,
    /// Why.
    pub failure: Failure,
    /// Phases that failed while the run was coming to its end.
    pub also: Vec<(&'static str, Failure)>,
}

/// Carries out plans in one world.
pub struct Runner<W: World> {
    world: Arc<W>,
    journal: Arc<Journal>,
    events: Events,
}

impl<W: World> Runner<W> {
    /// Makes a runner. The journal has been begun with the plan's head.
    pub fn new(world: Arc<W>, journal: Arc<Journal>, events: Events) -> Self {
        Self { world, journal, events }
    }

    /// Carries out the plan, and closes the journal.
    ///
    /// Values are loaded in their place in the order, but before anything that is ready to run, so that what cannot be
    /// loaded is known before more is changed. After a failure or a stop nothing more is started.
    pub async fn run(&self, plan: &Plan<W>, options: RunOptions) -> Result<Summary, RunFailed> {
        self.events.send(EventKind::RunStarted {
            format: EVENT_FORMAT,
            run: self.journal.run_id().into(),
            workflow: plan.workflow().into(),
            dry_run: options.dry_run,
            resumes: self.journal.resumes().map(Into::into),
            phases: plan.phases(),
        });
        let mut result = Running::new(self, plan, &options).drive().await;
        let mut outcome = match &result {
            Ok(_) => RunOutcome::Succeeded,
            Err(failed) if failed.failure.get_kind() == FailureKind::Cancelled => RunOutcome::Cancelled,
            Err(_) => RunOutcome::Failed,
        };
        if let Err(error) = self.journal.append(&Record::Closed { outcome })
            && result.is_ok()
        {
            outcome = RunOutcome::Failed;
            result = Err(RunFailed { phase: None, failure: error.into(), also: Vec::new() });
        }
        self.events.send(EventKind::RunFinished { outcome });
        result
    }
}

/// Where a phase stands in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// It has not been started.
    Waiting,
    /// It runs or is being loaded.
    Going,
    /// Its value was not there; a reader may still call for it.
    Absent,
    /// It is through.
    Through(Outcome),
    /// It failed.
    Failed,
}

impl Stand {
    fn settled(self) -> bool {
        matches!(self, Self::Absent | Self::Through(_))
    }
}

/// What a waiting phase will do when its turn comes; loads may turn into runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Run,
    Load,
    Leave,
}

struct Running<'a, W: World> {
    plan: &'a Plan<W>,
    jobs: usize,
    cancel: watch::Receiver<bool>,
    journal: &'a Journal,
    events: &'a Events,
    attempts: Attempts<W>,
    turns: Vec<Turn>,
    stands: Vec<Stand>,
    tasks: JoinSet<Ended>,
    ids: HashMap<Id, usize>,
    loading: usize,
    failed: Option<RunFailed>,
}

impl<'a, W: World> Running<'a, W> {
    fn new(runner: &'a Runner<W>, plan: &'a Plan<W>, options: &RunOptions) -> Self {
        let turn = |step: &Step| match step {
            Step::Run => Turn::Run,
            Step::Load { .. } => Turn::Load,
            Step::Leave { .. } => Turn::Leave,
        };
        Self {
            plan,
            jobs: options.jobs.get(),
            cancel: options.cancel.clone(),
            journal: &runner.journal,
            events: &runner.events,
            attempts: Attempts::new(
                runner.world.clone(),
                runner.journal.clone(),
                runner.events.clone(),
                plan.seeds(),
                options,
            ),
            turns: plan.nodes.iter().map(|node| turn(&node.step)).collect(),
            stands: vec![Stand::Waiting; plan.nodes.len()],
            tasks: JoinSet::new(),
            ids: HashMap::new(),
            loading: 0,
            failed: None,
        }
    }

    async fn drive(mut self) -> Result<Summary, RunFailed> {
        loop {
            self.leave_absent();
            if *self.cancel.borrow() && self.failed.is_none() {
                self.failed = Some(RunFailed { phase: None, failure: stopped(), also: Vec::new() });
            }
            if self.failed.is_none() {
                self.start_ready();
            }
            let Some(joined) = self.tasks.join_next_with_id().await else { break };
            let (id, ended) = match joined {
                Ok((id, ended)) => (id, ended),
                // Phases run in tasks within this one; a panic here is a bug of ours or of the world.
                Err(error) => (error.id(), Ended::Failed(Failure::new(format!("the runner's task broke: {error}")))),
            };
            if let Some(index) = self.ids.remove(&id) {
                self.ended(index, ended);
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Result<Summary, RunFailed> {
        self.leave_absent();
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let mut outcomes = Vec::with_capacity(self.stands.len());
        for (node, stand) in self.plan.nodes.iter().zip(&self.stands) {
            let Stand::Through(outcome) = stand else {
                let failure = Failure::new(format!("`{}` never got its turn", node.path));
                return Err(RunFailed { phase: Some(node.path), failure, also: Vec::new() });
            };
            outcomes.push((node.path, *outcome));
        }
        Ok(Summary { run_id: self.journal.run_id().into(), outcomes })
    }

    /// Starts whatever may start: loads before runs, and no run while a value is being loaded.
    fn start_ready(&mut self) {
        // What is left settles at once and may make others ready; those come later in the order.
        for index in 0..self.stands.len() {
            if self.turns[index] == Turn::Leave && self.ready(index) {
                self.through(index, Outcome::Left);
            }
        }
        for index in 0..self.stands.len() {
            if self.turns[index] == Turn::Load && self.ready(index) && self.tasks.len() < self.jobs {
                let node = &self.plan.nodes[index];
                let id = self.tasks.spawn(self.attempts.load(node.phase)).id();
                self.loading += 1;
                self.going(index, id);
            }
        }
        for index in 0..self.stands.len() {
            if self.turns[index] == Turn::Run && self.ready(index) && self.loading == 0 && self.tasks.len() < self.jobs
            {
                let node = &self.plan.nodes[index];
                self.events.send(EventKind::PhaseStarted { phase: node.path.into() });
                let id = self.tasks.spawn(self.attempts.run(node.path, node.phase, &node.needs)).id();
                self.going(index, id);
            }
        }
    }

    fn ready(&self, index: usize) -> bool {
        let settled = |dep: &usize| self.stands[*dep].settled();
        self.stands[index] == Stand::Waiting && self.plan.nodes[index].deps.iter().all(settled)
    }

    fn going(&mut self, index: usize, id: Id) {
        self.stands[index] = Stand::Going;
        self.ids.insert(id, index);
    }

    fn through(&mut self, index: usize, outcome: Outcome) {
        self.stands[index] = Stand::Through(outcome);
        if let Some((tag, text)) = &self.plan.nodes[index].told {
            let (phase, tag) = (self.plan.nodes[index].path.into(), (*tag).into());
            self.events.send(EventKind::Note { phase, tag, text: text.clone() });
        }
        self.events.send(EventKind::PhaseFinished { phase: self.plan.nodes[index].path.into(), outcome });
    }

    fn ended(&mut self, index: usize, ended: Ended) {
        if self.turns[index] == Turn::Load {
            self.loading -= 1;
        }
        match ended {
            Ended::Ran { made, outcome } => {
                self.put(index, made);
                self.through(index, outcome);
            }
            Ended::Loaded(Some(made)) => {
                self.put(index, made);
                self.through(index, Outcome::Loaded);
            }
            Ended::Loaded(None) => {
                self.stands[index] = Stand::Absent;
                if self.plan.nodes[index].wanted == Want::Must
                    && let Err((index, failure)) = self.call_for(index)
                {
                    self.fail(index, failure);
                }
            }
            Ended::Failed(failure) => self.fail(index, failure),
        }
    }

    fn put(&self, index: usize, made: Made) {
        self.attempts.put(self.plan.nodes[index].makes, made);
    }

    /// Makes a phase run whose value is not there, and first the makers of all that it reads and that is not there
    /// either; or says which of them may not run.
    fn call_for(&mut self, index: usize) -> Result<(), (usize, Failure)> {
        let node = &self.plan.nodes[index];
        if node.step.why() != Some(&Why::AlreadyFinished) {
            return Err((index, self.missing(index)));
        }
        self.turns[index] = Turn::Run;
        self.stands[index] = Stand::Waiting;
        for maker in &node.reads_from {
            if self.stands[*maker] == Stand::Absent {
                self.call_for(*maker)?;
            }
        }
        for maker in &node.maybe_from {
            let made = self.plan.nodes[*maker].step.why() == Some(&Why::AlreadyFinished);
            if made && self.stands[*maker] == Stand::Absent {
                self.call_for(*maker)?;
            }
        }
        Ok(())
    }

    fn missing(&self, index: usize) -> Failure {
        let node = &self.plan.nodes[index];
        let reads = |reader: &&crate::plan::PlanNode<W>| reader.reads_from.contains(&index);
        let readers =
            self.plan.nodes.iter().zip(&self.turns).filter(|(_, turn)| **turn == Turn::Run).map(|(node, _)| node);
        let reader = readers.filter(reads).map(|reader| reader.path).next().unwrap_or("a phase");
        let why = node.step.why().map(ToString::to_string).unwrap_or_default();
        let (artifact, maker, workflow) = (node.makes.name, node.path, self.plan.workflow());
        let command = format!("{PROGRAM} {workflow} phase {}", maker.replace('/', " "));
        Failure::new(format!(
            "`{reader}` needs `{artifact}`, which is not there, and `{maker}`, which makes it, does not run: {why}"
        ))
        .hint(format!("run `{command}` first"))
    }

    fn fail(&mut self, index: usize, failure: Failure) {
        let path = self.plan.nodes[index].path;
        self.stands[index] = Stand::Failed;
        if self.turns[index] != Turn::Run {
            // A phase that ran has recorded its failure itself.
            let record = Record::Failed { phase: path.into(), error: failure.chain(), halfway: false };
            // The run fails anyway; a journal that cannot be written adds nothing to why.
            let _ = self.journal.append(&record);
        }
        let (error, hints, standing) = (failure.chain(), failure.hints().to_vec(), failure.standing().to_vec());
        self.events.send(EventKind::PhaseFailed { phase: path.into(), error, hints, standing });
        let stopped = failure.get_kind() == FailureKind::Cancelled && *self.cancel.borrow();
        match &mut self.failed {
            Some(failed) if !stopped => failed.also.push((path, failure)),
            Some(_) => {}
            None if stopped => self.failed = Some(RunFailed { phase: None, failure, also: Vec::new() }),
            None => self.failed = Some(RunFailed { phase: Some(path), failure, also: Vec::new() }),
        }
    }

    /// Ends those whose value was not there once no reader can call for it any more.
    fn leave_absent(&mut self) {
        for index in (0..self.stands.len()).rev() {
            if self.stands[index] != Stand::Absent {
                continue;
            }
            let calls = |reader: usize| {
                let node = &self.plan.nodes[reader];
                let open = matches!(self.stands[reader], Stand::Waiting | Stand::Going | Stand::Absent);
                let reads = node.reads_from.contains(&index) || node.maybe_from.contains(&index);
                open && reads && self.turns[reader] != Turn::Leave
            };
            if !(index + 1..self.stands.len()).any(calls) {
                self.through(index, Outcome::Left);
            }
        }
    }
}

#[cfg(test)]
mod tests;
