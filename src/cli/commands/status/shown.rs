//! A survey of runs as `status` shows it, to people and to programs.

use std::fmt::Write;

use kubewright_engine::{Replay, RunOutcome, Status, Survey};
use kubewright_host::Holder;
use serde::Serialize;

use crate::program;

/// All that `status` tells.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    kind: &'static str,
    api_version: &'static str,
    /// Who changes the node just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<ShownHolder>,
    /// Newest first: the newest run, and if that was one of single phases, the whole run before it.
    runs: Vec<ShownRun>,
    /// Journals that cannot be read.
    unreadable: Vec<ShownDamage>,
    /// What to type to get on; absent when nothing is left to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownHolder {
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    command: String,
    phases: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRun {
    id: String,
    workflow: String,
    command: String,
    outcome: ShownOutcome,
    /// The run that it went on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    resumes: Option<String>,
    phases: Vec<ShownPhase>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum ShownOutcome {
    Succeeded,
    Failed,
    Cancelled,
    /// Its process is gone and has not said goodbye.
    Killed,
    Running,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPhase {
    phase: String,
    state: ShownState,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What it did beside files, which stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stands: Vec<String>,
    /// What it may have done beside files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    may_stand: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum ShownState {
    Finished,
    Failed,
    /// It had begun when the process was killed.
    Interrupted,
    Running,
    Left,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownDamage {
    id: String,
    error: String,
}

impl Shown {
    /// Turns a survey into what is shown.
    pub fn new(survey: &Survey, holder: Option<Holder>) -> Self {
        let pid = holder.as_ref().and_then(|holder| holder.pid);
        let runs: Vec<ShownRun> = survey.runs.iter().map(|replay| ShownRun::new(replay, pid)).collect();
        let unreadable = survey.unreadable.iter().map(|(id, error)| {
            let failure = kubewright_engine::Failure::new(error.to_string());
            ShownDamage { id: id.clone(), error: failure.to_string() }
        });
        // The whole run goes on with its finished phases; a single phase is only done again.
        let stopped = |run: &&ShownRun| run.outcome != ShownOutcome::Succeeded;
        let open = runs.iter().rev().find(stopped).filter(|_| holder.is_none());
        let next = open.map(|run| match run.command.as_str() {
            "" => format!("{} {}", program::name(), run.workflow),
            command => command.to_owned(),
        });
        let holder = holder.map(|Holder { pid, command, phases }| ShownHolder { pid, command, phases });
        let unreadable = unreadable.collect();
        Self { kind: "NodeStatus", api_version: API_VERSION, holder, runs, unreadable, next }
    }

    /// What people read.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for run in &self.runs {
            run.describe(&mut text);
        }
        for ShownDamage { error, .. } in &self.unreadable {
            let _ = writeln!(text, "unreadable: {error}");
        }
        if self.runs.is_empty() && self.unreadable.is_empty() {
            text += "no run is recorded here\n";
        }
        let _ = match &self.holder {
            Some(ShownHolder { pid: Some(pid), command, .. }) => {
                writeln!(text, "lock: held by `{command}`, process id {pid}")
            }
            Some(ShownHolder { command, .. }) => writeln!(text, "lock: held by `{command}`"),
            None => writeln!(text, "lock: free"),
        };
        let _ = match (&self.next, &self.holder) {
            (Some(next), _) => writeln!(text, "next: {next}"),
            (None, Some(_)) => writeln!(text, "next: wait until it ends, or stop it"),
            (None, None) => writeln!(text, "next: nothing is left to do"),
        };
        program::speak(&text).into_owned()
    }
}

impl ShownRun {
    fn new(replay: &Replay, holder: Option<u32>) -> Self {
        let head = &replay.head;
        let alive = holder == Some(head.pid);
        let outcome = match replay.closed {
            Some(RunOutcome::Succeeded) => ShownOutcome::Succeeded,
            Some(RunOutcome::Failed) => ShownOutcome::Failed,
            Some(RunOutcome::Cancelled) => ShownOutcome::Cancelled,
            None if alive => ShownOutcome::Running,
            None => ShownOutcome::Killed,
        };
        let mut names: Vec<&String> = head.done.iter().chain(head.steps.iter()).collect();
        // Those that ran although they were to be loaded only: what they had made was gone.
        names.extend(replay.phases.keys().filter(|phase| !head.done.contains(phase) && !head.steps.contains(phase)));
        let phases = names.into_iter().map(|phase| ShownPhase::new(replay, phase, alive)).collect();
        Self {
            id: replay.run_id.clone(),
            workflow: head.workflow.clone(),
            command: head.command.clone(),
            outcome,
            resumes: head.resumes.clone(),
            phases,
        }
    }

    fn describe(&self, text: &mut String) {
        let outcome = match self.outcome {
            ShownOutcome::Succeeded => "succeeded",
            ShownOutcome::Failed => "failed",
            ShownOutcome::Cancelled => "stopped by its user",
            ShownOutcome::Killed => "was killed",
            ShownOutcome::Running => "is going on",
        };
        let _ = write!(text, "run {} of `{}` {outcome}", self.id, self.workflow);
        let _ = match &self.resumes {
            Some(resumes) => writeln!(text, "; it went on with run {resumes}"),
            None => writeln!(text),
        };
        let list = |state: ShownState| {
            let phases = self.phases.iter().filter(|phase| phase.state == state);
            phases.map(|phase| phase.phase.as_str()).collect::<Vec<_>>()
        };
        let mut line = |word: &str, phases: Vec<&str>| {
            if !phases.is_empty() {
                let _ = writeln!(text, "  {word} ({}): {}", phases.len(), phases.join(", "));
            }
        };
        line("finished", list(ShownState::Finished));
        line("at work", list(ShownState::Running));
        for phase in &self.phases {
            phase.describe(text);
        }
        let left = list(ShownState::Left);
        if !left.is_empty() {
            let _ = writeln!(text, "  left ({}): {}", left.len(), left.join(", "));
        }
    }
}

impl ShownPhase {
    fn new(replay: &Replay, phase: &str, alive: bool) -> Self {
        let state = match replay.phases.get(phase).copied().unwrap_or_default() {
            Status::Finished => ShownState::Finished,
            Status::Waiting => ShownState::Left,
            Status::Failed | Status::RolledBack => ShownState::Failed,
            Status::Running | Status::Sealed if alive => ShownState::Running,
            Status::Running | Status::Sealed => ShownState::Interrupted,
        };
        let standing = |sure: bool| {
            let effects = replay.standing.iter().filter(|standing| standing.phase == phase && standing.sure == sure);
            effects.map(|standing| standing.effect.to_string()).collect()
        };
        let error = replay.errors.get(phase).map(|chain| chain.join(": "));
        Self { phase: phase.to_owned(), state, error, stands: standing(true), may_stand: standing(false) }
    }

    /// What is out of the ordinary with it.
    fn describe(&self, text: &mut String) {
        let error = self.error.as_deref().unwrap_or("it is not recorded why");
        let _ = match self.state {
            ShownState::Failed => writeln!(text, "  failed: {}: {error}", self.phase),
            ShownState::Interrupted => writeln!(text, "  interrupted: {}", self.phase),
            ShownState::Finished if self.error.is_some() => {
                writeln!(text, "  what {} made could not be read: {error}", self.phase)
            }
            _ => Ok(()),
        };
        if !self.stands.is_empty() {
            let _ = writeln!(text, "    stands until the next run goes on with it: {}", self.stands.join(", "));
        }
        if !self.may_stand.is_empty() {
            let _ = writeln!(text, "    may have happened, the next run looks: {}", self.may_stand.join(", "));
        }
    }
}

/// The API group of what is ours alone.
const API_VERSION: &str = "output.kubewright.io/v1alpha1";
