//! kubewright on a node: run to its end, or stopped on the way, with what it said and what it reported.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use kubewright_engine::{Event, EventKind, Outcome, PhaseInfo};
use kubewright_lab::Node;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a phase may take to begin on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(240);

/// A command line.
#[derive(Clone)]
pub struct Kubewright<'a> {
    node: &'a Node,
    before: Vec<OsString>,
    words: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
}

impl<'a> Kubewright<'a> {
    /// kubewright without arguments on that node.
    pub fn on(node: &'a Node) -> Self {
        Self { node, before: Vec::new(), words: Vec::new(), environment: Vec::new() }
    }

    /// Runs it under another program, such as strace.
    pub fn under(mut self, words: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.before = words.into_iter().map(Into::into).collect();
        self
    }

    /// Adds an argument.
    pub fn word(mut self, word: impl Into<OsString>) -> Self {
        self.words.push(word.into());
        self
    }

    /// Adds arguments.
    pub fn words(mut self, words: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Starts it.
    pub fn start(&self) -> Started {
        let files = TempDir::new().unwrap();
        // Whoever runs it, and that is not always root, must be able to write its events there.
        fs::set_permissions(files.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let file = |name: &str| File::create(files.path().join(name)).unwrap();
        let mut words = self.before.clone();
        words.push("kubewright".into());
        words.extend(self.words.iter().cloned());
        words.extend(["--events".into(), files.path().join("events").into_os_string()]);
        // Whoever enters a node becomes the command, so the child is kubewright itself.
        let mut command = self.node.command(&words).unwrap();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err")).spawn().unwrap();
        Started { child, files }
    }

    /// Runs it to its end.
    pub fn run(&self) -> Ended {
        self.start().end()
    }

    /// Runs it to its end, which must be success.
    pub fn succeed(&self) -> Ended {
        let ended = self.run();
        assert!(ended.status.success(), "{:?}: {}\n{}", self.words, ended.status, ended.said());
        ended
    }
}

/// kubewright while it runs.
pub struct Started {
    child: Child,
    files: TempDir,
}

impl Started {
    /// Waits until the phase has begun.
    pub fn wait_for_phase(&mut self, phase: &str) {
        let start = Instant::now();
        loop {
            if started(&self.events()).contains(phase) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before `{phase}`: {ended:?}\n{}", self.said());
            assert!(start.elapsed() < PATIENCE, "`{phase}` did not begin in {PATIENCE:?}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it has said something.
    pub fn wait_for_words(&mut self, words: &str) {
        let start = Instant::now();
        while !self.said().contains(words) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before it said `{words}`: {ended:?}\n{}", self.said());
            assert!(start.elapsed() < PATIENCE, "`{words}` was not said in {PATIENCE:?}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let status = self.child.wait().unwrap();
        Ended { status, out: self.text("out"), err: self.text("err"), events: self.events() }
    }

    fn events(&self) -> Vec<Event> {
        let text = self.text("events");
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn said(&self) -> String {
        self.text("out") + &self.text("err")
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.files.path().join(name)).unwrap_or_default()
    }
}

/// kubewright after its end.
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Its events, as many as there were.
    pub events: Vec<Event>,
}

impl Ended {
    /// Both streams.
    pub fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// The signal that killed it; a core dump is none of its business here.
    pub fn killed_by(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The phases that began.
    pub fn started(&self) -> BTreeSet<&str> {
        started(&self.events)
    }

    /// The phases that ran and ended well.
    pub fn finished(&self) -> BTreeSet<&str> {
        let finished = |event: &Event| match &event.kind {
            EventKind::PhaseFinished { phase, outcome: Outcome::Changed | Outcome::Unchanged } => {
                Some(event.kind.phase().unwrap_or(phase).to_owned())
            }
            _ => None,
        };
        let names: BTreeSet<String> = self.events.iter().filter_map(finished).collect();
        self.events.iter().filter_map(|event| event.kind.phase()).filter(|phase| names.contains(*phase)).collect()
    }

    /// How many milliseconds each phase took that ran to its end.
    pub fn durations(&self) -> BTreeMap<String, u64> {
        let mut began = BTreeMap::new();
        let mut took = BTreeMap::new();
        for event in &self.events {
            match &event.kind {
                EventKind::PhaseStarted { phase, .. } => drop(began.insert(phase.clone(), event.elapsed_ms)),
                EventKind::PhaseFinished { phase, .. } => {
                    let start = began.get(phase).copied().unwrap_or(event.elapsed_ms);
                    took.insert(phase.clone(), event.elapsed_ms - start);
                }
                _ => {}
            }
        }
        took
    }

    /// The run's identifier, the one that it goes on with, and its plan.
    pub fn begun(&self) -> (&str, Option<&str>, &[PhaseInfo]) {
        let begun = self.events.iter().find_map(|event| match &event.kind {
            EventKind::RunStarted { run, resumes, phases, .. } => Some((run.as_str(), resumes.as_deref(), &phases[..])),
            _ => None,
        });
        begun.unwrap_or_else(|| panic!("no run began:\n{}", self.said()))
    }
}

fn started(events: &[Event]) -> BTreeSet<&str> {
    let started = |event: &'_ Event| matches!(event.kind, EventKind::PhaseStarted { .. });
    events.iter().filter(|event| started(event)).filter_map(|event| event.kind.phase()).collect()
}
