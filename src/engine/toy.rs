//! A world in memory, and phases made of types on the spot: what the engine's tests run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::pending;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::sync::Barrier;

use crate::effect::{Digest, Effect, FileChange};
use crate::effect_log::EffectLog;
use crate::event::{Event, EventKind, Events};
use crate::failure::Failure;
use crate::graph::Workflow;
use crate::journal::Journal;
use crate::phase::{AnyPhase, Applies, Artifact, Capability, Entry, Input, Phase, Read, Use, Value};
use crate::plan::{Done, Plan};
use crate::replay::{Replay, Roll};
use crate::report::Report;
use crate::run_options::RunOptions;
use crate::runner::{RunFailed, Runner, Summary};
use crate::selection::Selection;
use crate::store::Seeds;
use crate::world::{Session, World};

pub(crate) const NAMES: [&str; 10] = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"];

/// The value of phase `N`: what its file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Art<const N: usize>(pub(crate) String);

impl<const N: usize> Value for Art<N> {
    const NAME: &'static str = NAMES[N];
}

/// Number 9 is evidence: it is there as soon as number 8 has been made.
impl<const N: usize> Artifact<Toy> for Art<N> {
    async fn load(view: &View, _: &Seeds) -> Result<Option<Self>, Failure> {
        view.loads.lock().unwrap().push(NAMES[N]);
        if view.scripts.lock().unwrap().get(NAMES[N]) == Some(&Script::BadLoad) {
            return Err(Failure::new("unreadable"));
        }
        let name = if N == 9 { "a8" } else { NAMES[N] };
        Ok(view.disk.lock().unwrap().get(Utf8Path::new(name)).cloned().map(Self))
    }
}

/// A seed: the phases with these values do not apply.
pub(crate) struct Off(pub(crate) Vec<usize>);

impl Value for Off {
    const NAME: &'static str = "off";
}

/// What a phase reads, as words for what it writes.
pub(crate) trait Words {
    fn words(&self) -> String;
}

impl<const N: usize> Words for Read<Art<N>> {
    fn words(&self) -> String {
        self.0.clone()
    }
}

impl<const N: usize> Words for crate::phase::Maybe<Art<N>> {
    fn words(&self) -> String {
        self.get().map_or("none".into(), |art| art.0.clone())
    }
}

impl Words for () {
    fn words(&self) -> String {
        String::new()
    }
}

impl<A: Words, B: Words> Words for (A, B) {
    fn words(&self) -> String {
        format!("{},{}", self.0.words(), self.1.words())
    }
}

pub(crate) trait After: Send + Sync + 'static {
    const AFTER: &'static [&'static str];
}

impl After for () {
    const AFTER: &'static [&'static str] = &[];
}

/// The phase that makes `Art<N>` out of `R`.
pub(crate) struct P<const N: usize, const RANK: u16, R, A = ()>(PhantomData<fn() -> (R, A)>);

impl<const N: usize, const RANK: u16, R, A: After> Phase<Toy> for P<N, RANK, R, A>
where
    R: Input<Toy> + Words,
{
    const ABOUT: &'static str = "Make it";
    const RANK: u16 = RANK;
    const AFTER: &'static [&'static str] = A::AFTER;
    type Input = (R, Use<Hand>);
    type Output = Art<N>;

    fn applies(&self, seeds: &Seeds) -> Applies {
        match seeds.get::<Off>() {
            Some(Off(list)) if list.contains(&N) => Applies::Told { tag: "toy", text: "switched off".into() },
            _ => Applies::Yes,
        }
    }

    async fn run(&self, (read, hand): Self::Input, report: &Report) -> Result<Art<N>, Failure> {
        report.note("toy", NAMES[N]);
        hand.act(NAMES[N], &read.words()).await.map(Art)
    }
}

/// A phase that makes nothing.
pub(crate) struct Silent<const RANK: u16, R, A = ()>(PhantomData<fn() -> (R, A)>);

impl<const RANK: u16, R: Input<Toy>, A: After> Phase<Toy> for Silent<RANK, R, A> {
    const ABOUT: &'static str = "Make nothing";
    const RANK: u16 = RANK;
    const AFTER: &'static [&'static str] = A::AFTER;
    type Input = R;
    type Output = ();

    async fn run(&self, _: R, _: &Report) -> Result<(), Failure> {
        Ok(())
    }
}

pub(crate) fn made<const N: usize, const RANK: u16, R: Input<Toy> + Words>(path: &'static str) -> Entry<Toy> {
    after::<N, RANK, R, ()>(path)
}

pub(crate) fn after<const N: usize, const RANK: u16, R: Input<Toy> + Words, A: After>(
    path: &'static str,
) -> Entry<Toy> {
    Entry { path, phase: leak(P::<N, RANK, R, A>(PhantomData)) }
}

pub(crate) fn silent<const RANK: u16, R: Input<Toy>, A: After>(path: &'static str) -> Entry<Toy> {
    Entry { path, phase: leak(Silent::<RANK, R, A>(PhantomData)) }
}

fn leak<P: AnyPhase<Toy> + 'static>(phase: P) -> &'static dyn AnyPhase<Toy> {
    Box::leak(Box::new(phase))
}

pub(crate) fn workflow(entries: Vec<Entry<Toy>>) -> Workflow<Toy> {
    Workflow::new("toy", entries.leak()).unwrap()
}

pub(crate) fn only(paths: &[&str]) -> Selection {
    Selection { only: paths.iter().map(ToString::to_string).collect(), skip: Vec::new() }
}

pub(crate) fn skip(paths: &[&str]) -> Selection {
    Selection { only: Vec::new(), skip: paths.iter().map(ToString::to_string).collect() }
}

/// What a phase does out of the ordinary.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    Fail,
    Panic,
    Hang,
    FailCommit,
    Meet(Arc<Barrier>),
    Sleep(u64),
    /// Writes this file as well, and goes on when the others have tried to.
    Write(&'static str, Arc<Barrier>),
    /// Writes a second half, and trusts it to be there when the first one is.
    Pair,
    /// Has no outward effect, so that nothing of it is published before its commit.
    Quiet,
    BadLoad,
}

impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

pub(crate) type Disk = BTreeMap<Utf8PathBuf, String>;

#[derive(Default)]
pub(crate) struct View {
    pub(crate) disk: Mutex<Disk>,
    pub(crate) loads: Mutex<Vec<&'static str>>,
    pub(crate) ran: Mutex<Vec<&'static str>>,
    /// Outward effects, such as a restarted service; each value says how often.
    pub(crate) outward: Mutex<BTreeMap<&'static str, usize>>,
    pub(crate) scripts: Mutex<HashMap<&'static str, Script>>,
    pub(crate) late: Mutex<Vec<String>>,
    pub(crate) busy: AtomicUsize,
    pub(crate) most_busy: AtomicUsize,
    count: AtomicUsize,
}

/// The world.
#[derive(Clone, Default)]
pub(crate) struct Toy(pub(crate) Arc<View>);

impl World for Toy {
    type View = View;
    type Session = ToySession;

    fn view(&self) -> &View {
        &self.0
    }

    fn begin(&self, log: EffectLog) -> ToySession {
        ToySession(Arc::new(Open {
            view: self.0.clone(),
            log,
            staged: Mutex::default(),
            published: Mutex::default(),
            closed: Mutex::new(false),
        }))
    }
}

impl Toy {
    /// A world with these files, in which contents never come up again.
    pub(crate) fn with(disk: Disk, count: usize) -> Self {
        Self(Arc::new(View { disk: Mutex::new(disk), count: AtomicUsize::new(count), ..View::default() }))
    }

    pub(crate) fn script(&self, name: &'static str, script: Script) -> &Self {
        self.0.scripts.lock().unwrap().insert(name, script);
        self
    }

    pub(crate) fn disk(&self) -> Disk {
        self.0.disk.lock().unwrap().clone()
    }

    pub(crate) fn ran(&self) -> Vec<&'static str> {
        self.0.ran.lock().unwrap().clone()
    }

    /// What the layer below does with what a killed run left.
    pub(crate) fn recover(&self, replay: &Replay) {
        let mut disk = self.0.disk.lock().unwrap();
        for unfinished in &replay.unfinished {
            for file in &unfinished.files {
                if unfinished.roll == Roll::Back {
                    disk.remove(&file.path);
                } else if let Some(new) = file.staged.as_ref().and_then(|staged| disk.remove(staged)) {
                    disk.insert(file.path.clone(), new);
                }
            }
        }
        for path in &replay.scratch {
            disk.remove(path);
        }
    }

    pub(crate) async fn run(&self, plan: &Plan<Toy>, options: RunOptions) -> Ran {
        self.run_with(plan, options, Journal::discarding("test")).await
    }

    pub(crate) async fn run_with(&self, plan: &Plan<Toy>, options: RunOptions, journal: Journal) -> Ran {
        let (events, mut receiver) = Events::channel();
        let runner = Runner::new(Arc::new(self.clone()), Arc::new(journal), events);
        let result = tokio::time::timeout(Duration::from_secs(20), runner.run(plan, options)).await.unwrap();
        drop(runner);
        let mut events = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            events.push(event);
        }
        Ran { result, events }
    }
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) result: Result<Summary, RunFailed>,
    pub(crate) events: Vec<Event>,
}

impl Ran {
    /// The events of phases, in short.
    pub(crate) fn told(&self) -> Vec<String> {
        let short = |event: &Event| match &event.kind {
            EventKind::PhaseStarted { phase } => Some(format!("+{phase}")),
            EventKind::PhaseFinished { phase, outcome } => Some(format!("{phase} {outcome:?}").to_lowercase()),
            EventKind::PhaseFailed { phase, .. } => Some(format!("!{phase}")),
            _ => None,
        };
        self.events.iter().filter_map(short).collect()
    }

    pub(crate) fn failure(&self) -> &RunFailed {
        self.result.as_ref().unwrap_err()
    }
}

pub(crate) fn plan(workflow: &Workflow<Toy>, selection: &Selection, done: &[&str]) -> Plan<Toy> {
    workflow.plan(Seeds::new(), selection, &Done::of(done.iter().copied())).unwrap()
}

pub(crate) fn jobs(jobs: usize) -> RunOptions {
    RunOptions { jobs: jobs.try_into().unwrap(), ..RunOptions::default() }
}

struct Open {
    view: Arc<View>,
    log: EffectLog,
    staged: Mutex<BTreeMap<Utf8PathBuf, (Utf8PathBuf, String)>>,
    published: Mutex<Vec<Utf8PathBuf>>,
    closed: Mutex<bool>,
}

pub(crate) struct ToySession(Arc<Open>);

/// The power of the toy's phases.
pub(crate) struct Hand(Arc<Open>);

impl Capability<Toy> for Hand {
    const NAME: &'static str = "hand";

    fn of(session: &ToySession) -> Self {
        Self(session.0.clone())
    }
}

/// Counts the phases that are at work.
struct Busy(Arc<View>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Hand {
    /// Does a phase's work: keeps its file or writes a new one, and pokes the world outside when it wrote.
    async fn act(&self, name: &'static str, words: &str) -> Result<String, Failure> {
        let view = &self.0.view;
        view.ran.lock().unwrap().push(name);
        view.most_busy.fetch_max(view.busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let _busy = Busy(view.clone());
        let script = view.scripts.lock().unwrap().get(name).cloned();
        let kept = view.disk.lock().unwrap().get(Utf8Path::new(name)).cloned();
        let text = match kept {
            Some(kept) => kept,
            None => self.make(name, words, script.as_ref()).await?,
        };
        let poked = view.outward.lock().unwrap().contains_key(name);
        if !poked && !matches!(script, Some(Script::FailCommit | Script::Quiet)) {
            // What is outside must find the files.
            self.0.publish()?;
            let effect = Effect::new("poke", name);
            let id = self.0.log.intend(&effect)?;
            *view.outward.lock().unwrap().entry(name).or_default() += 1;
            self.0.log.settle(id, true)?;
            self.0.log.changed(effect);
        }
        Ok(text)
    }

    async fn make(&self, name: &'static str, words: &str, script: Option<&Script>) -> Result<String, Failure> {
        let text = format!("{}({words})", self.0.view.count.fetch_add(1, Ordering::SeqCst));
        self.write(name, &text)?;
        match script {
            Some(Script::Fail) => return Err(Failure::new("on purpose")),
            Some(Script::Panic) => panic!("on purpose"),
            Some(Script::Hang) => {
                let _slow = SlowEnd(Self(self.0.clone()));
                pending::<()>().await;
            }
            Some(Script::Meet(barrier)) => {
                barrier.wait().await;
            }
            Some(Script::Sleep(time)) => tokio::time::sleep(Duration::from_millis(*time)).await,
            Some(Script::Write(path, barrier)) => {
                let written = self.write(path, name);
                barrier.wait().await;
                written?;
            }
            Some(Script::Pair) => self.write(&format!("{name}.key"), &text)?,
            Some(Script::FailCommit | Script::Quiet | Script::BadLoad) | None => {}
        }
        Ok(text)
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Failure> {
        if *self.0.closed.lock().unwrap() {
            self.0.view.late.lock().unwrap().push(path.into());
            return Err(Failure::new("the session is closed"));
        }
        let staged = Utf8PathBuf::from(format!(".{path}.new"));
        self.0.log.scratch(&staged)?;
        self.0.view.disk.lock().unwrap().insert(staged.clone(), text.into());
        self.0.log.checkpoint("staged");
        self.0.staged.lock().unwrap().insert(path.into(), (staged, text.into()));
        Ok(())
    }
}

/// A phase that is slow to go when it is dropped, and writes once more as it goes.
struct SlowEnd(Hand);

impl Drop for SlowEnd {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(100));
        let _ = self.0.write("late", "late");
    }
}

impl Open {
    /// Makes final what is staged so far.
    fn publish(&self) -> Result<(), Failure> {
        let staged = self.staged.lock().unwrap().clone();
        if staged.is_empty() {
            return Ok(());
        }
        let change = |(path, (temp, text)): (&Utf8PathBuf, &(Utf8PathBuf, String))| FileChange {
            path: path.clone(),
            staged: Some(temp.clone()),
            mode: 0o600,
            owner: None,
            old: None,
            new: Some(Digest(text.clone())),
        };
        self.log.sealed(&staged.iter().map(change).collect::<Vec<_>>())?;
        if self.view.scripts.lock().unwrap().get(self.log.phase()) == Some(&Script::FailCommit) {
            return Err(Failure::new("cannot publish"));
        }
        self.staged.lock().unwrap().clear();
        for (path, (temp, text)) in staged {
            let mut disk = self.view.disk.lock().unwrap();
            disk.remove(&temp);
            disk.insert(path.clone(), text);
            drop(disk);
            self.log.changed(Effect::new("write", path.as_str()));
            self.published.lock().unwrap().push(path);
            self.log.checkpoint("published");
        }
        Ok(())
    }
}

impl Session for ToySession {
    async fn commit(&self) -> Result<(), Failure> {
        self.0.publish()?;
        *self.0.closed.lock().unwrap() = true;
        Ok(())
    }

    async fn roll_back(&self) -> Result<(), Failure> {
        *self.0.closed.lock().unwrap() = true;
        for (temp, _) in std::mem::take(&mut *self.0.staged.lock().unwrap()).into_values() {
            self.0.view.disk.lock().unwrap().remove(&temp);
        }
        for path in std::mem::take(&mut *self.0.published.lock().unwrap()).into_iter().rev() {
            self.0.view.disk.lock().unwrap().remove(&path);
            self.0.log.checkpoint("taken-back");
        }
        Ok(())
    }
}

/// The files that are no leftovers.
pub(crate) fn names(disk: &Disk) -> BTreeSet<&str> {
    disk.keys().map(|path| path.as_str()).collect()
}
