//! A root with nothing on it but what a command makes: run there, killed there, looked at.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use kubewright_crash::{Call, Ended, Entry, Errno, Recording, Then, Tree, Watcher, record, trace, tree};
use tempfile::TempDir;

use super::workflow::{CONFIG, Workflow};
use crate::laws::end_state::{differences, files_in_words};
use crate::laws::snapshot;

/// The program under test, and its name among the running programs.
const BINARY: &str = env!("CARGO_BIN_EXE_kubewright");
const PROGRAM: &str = "kubewright";
/// Journals and the lock; relative to the root, as all paths here.
const STATE: &str = "var/lib/kubewright";

/// A root for one run.
pub struct Site(TempDir);

impl Site {
    /// A root that holds these files. In memory, where there is such a place: nothing here depends on a real disk.
    pub fn with(files: &Tree) -> Self {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let site = Self(tempfile::tempdir_in(base).unwrap());
        tree::write(files, site.0.path());
        site
    }

    /// What is there.
    pub fn files(&self) -> Tree {
        tree::read(self.0.path())
    }

    /// Runs a command that nobody disturbs; what it said, if it fails.
    pub fn run(&self, words: &[&str]) -> Result<(), String> {
        let output = self.command(words).output().unwrap();
        let said = || String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
        if output.status.success() { Ok(()) } else { Err(format!("{}: {}", output.status, said())) }
    }

    /// Runs it, and ends it before its call number `nth`, counted from 1. Returns the call; `None` when it ended before.
    pub fn kill(&self, words: &[&str], nth: usize) -> Option<String> {
        let (ended, calls) = self.watch(words, nth);
        match ended.killed {
            true => calls.into_iter().next_back(),
            false if ended.succeeded() => None,
            false => panic!("it failed under the eyes of the tracer: {}", ended.said),
        }
    }

    /// Runs it, and lets its call number `nth` fail as `choose` says, if it does. Returns how it ended, and what failed.
    pub fn fail(
        &self,
        words: &[&str],
        nth: usize,
        choose: impl Fn(&Call) -> Option<Errno>,
    ) -> (Ended, Option<(String, Errno)>) {
        let mut failing = Failing { nth, seen: 0, choose, failed: None };
        let ended = trace(&self.command(words), OsStr::new(PROGRAM), &mut failing).unwrap();
        (ended, failing.failed)
    }

    /// Whether a line names the file of a call as the program itself does, without the root and without what makes a name
    /// temporary; or a directory above it, when that is what goes.
    pub fn names(&self, line: &str, call: &str) -> bool {
        let path = call.split_once(' ').map_or(call, |(_, path)| path);
        let root = self.0.path().to_string_lossy();
        let path = path.strip_prefix(&*root).unwrap_or(path);
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let name = match name.strip_prefix('.').and_then(|name| name.strip_suffix(".new")) {
            Some(name) => name.rsplit_once('.').map_or(name, |(name, _)| name),
            None => name,
        };
        let removed = || Path::new(directory).ancestors().any(|above| line.contains(&format!("`{}`", above.display())));
        line.contains(&format!("{directory}/{name}")) || call.starts_with("unlinkat ") && removed()
    }

    /// The calls that it makes when nobody disturbs it.
    pub fn calls(&self, words: &[&str]) -> Vec<String> {
        let (ended, calls) = self.watch(words, 0);
        assert!(ended.succeeded(), "{ended:?}");
        calls
    }

    /// Runs it and writes down what it does to files.
    pub fn record(&self, words: &[&str]) -> Recording {
        let recording = record(&self.command(words), OsStr::new(PROGRAM), self.0.path()).unwrap();
        assert!(recording.ended.succeeded(), "{:?}", recording.ended);
        recording
    }

    fn watch(&self, words: &[&str], nth: usize) -> (Ended, Vec<String>) {
        let mut counting = Counting { nth, calls: Vec::new() };
        let ended = trace(&self.command(words), OsStr::new(PROGRAM), &mut counting).unwrap();
        (ended, counting.calls)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.arg("--rootfs").arg(self.0.path()).args(words).stdin(std::process::Stdio::null());
        command
    }
}

struct Counting {
    nth: usize,
    calls: Vec<String>,
}

impl Watcher for Counting {
    fn before(&mut self, call: &Call) -> Then {
        self.calls.push(call.to_string());
        if self.calls.len() == self.nth { Then::Kill } else { Then::GoOn }
    }
}

struct Failing<F> {
    nth: usize,
    seen: usize,
    choose: F,
    failed: Option<(String, Errno)>,
}

impl<F: Fn(&Call) -> Option<Errno>> Watcher for Failing<F> {
    fn before(&mut self, call: &Call) -> Then {
        self.seen += 1;
        match (self.choose)(call) {
            Some(error) if self.seen == self.nth => {
                self.failed = Some((call.to_string(), error));
                Then::Fail(error)
            }
            _ => Then::GoOn,
        }
    }
}

/// What a workflow starts from and comes to when nobody disturbs it.
pub struct Undisturbed {
    /// The files before it.
    pub before: Tree,
    /// What is there in the end, without what is random.
    end: BTreeMap<String, String>,
    /// The files that are the same after every run, byte for byte; of others only mode and owner are.
    fixed: Tree,
    after: Tree,
    /// Whether the workflow makes again what it has made.
    anew: bool,
}

impl Undisturbed {
    /// Runs the workflow twice.
    pub fn of(workflow: &Workflow) -> Self {
        let config = Entry { mode: 0o644, owner: owner(), bytes: Some(CONFIG.into()) };
        let site = Site::with(&Tree::from([("cluster.yaml".into(), config)]));
        workflow.before.iter().for_each(|words| site.run(words).unwrap());
        let before = site.files();
        let run = || {
            let site = Site::with(&before);
            site.run(workflow.command).unwrap();
            site.files()
        };
        let (after, other) = (run(), run());
        let end = in_words(&after);
        assert_eq!(differences(&end, &in_words(&other)), [""; 0], "{}: two runs end differently", workflow.name);
        let same = after.iter().filter(|(path, entry)| other.get(*path) == Some(entry));
        let fixed = same.map(|(path, entry)| (path.clone(), entry.clone())).collect();
        Self { before, end, fixed, after, anew: workflow.anew }
    }

    /// Whether each file is whole, or waits under a temporary name; what is wrong, if not. `known` has the bytes of random
    /// files, where they can be known.
    pub fn whole(&self, found: &Tree, known: Option<&Tree>) -> Result<(), String> {
        for (path, entry) in found.iter().filter(|(path, _)| !is_state(path) && !is_scratch(path)) {
            let wanted = [self.before.get(path), self.after.get(path)];
            let exactly = self.fixed.contains_key(path) || known.is_some() || entry.bytes.is_none();
            let is = |wanted: &Entry| {
                let alike = (wanted.mode, wanted.owner) == (entry.mode, entry.owner);
                wanted == entry || !exactly && alike && is_complete(path, entry)
            };
            let known = known.and_then(|known| known.get(path));
            if ![known].into_iter().chain(wanted).flatten().any(is) {
                return Err(format!("{path} is there, and not whole: {entry:?}"));
            }
        }
        Ok(())
    }

    /// Whether the files are those of an undisturbed run, and what was new and whole at the death is still the same.
    pub fn is_reached(&self, end: &Tree, at_death: &Tree) -> Result<(), String> {
        let differs = differences(&in_words(end), &self.end);
        if !differs.is_empty() {
            let differs: Vec<String> = differs.iter().map(|line| line.chars().take(300).collect()).collect();
            return Err(format!("the end is another one (here / undisturbed):\n{}", differs.join("\n")));
        }
        let mut new = at_death.iter().filter(|(path, entry)| {
            entry.bytes.is_some() && !is_state(path) && !is_scratch(path) && self.before.get(*path) != Some(entry)
        });
        match new.find(|(path, entry)| !self.anew && end.get(*path) != Some(entry)) {
            Some((path, _)) => Err(format!("{path} was there, and was made again")),
            None => Ok(()),
        }
    }
}

/// What a later command, or a person, would find, without what is random.
pub fn in_words(tree: &Tree) -> BTreeMap<String, String> {
    let files = tree.iter().filter(|(path, _)| !is_state(path)).map(|(path, entry)| {
        let Entry { mode, owner, .. } = *entry;
        let entry = match &entry.bytes {
            Some(bytes) => snapshot::Entry::File { mode, owner, bytes: bytes.as_slice().into() },
            None => snapshot::Entry::Directory { mode, owner },
        };
        (format!("/{path}"), entry)
    });
    files_in_words(&files.collect())
}

/// Whether a file whose bytes are random has all of them.
fn is_complete(path: &str, entry: &Entry) -> bool {
    let text = entry.bytes.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    let mut lines = text.lines();
    match path.rsplit_once('.') {
        Some((_, "crt" | "key" | "pub")) => {
            let first = lines.next().unwrap_or_default();
            first.starts_with("-----BEGIN ") && lines.next_back() == Some(&first.replace("BEGIN", "END"))
        }
        _ => lines.next_back().is_some_and(|line| line.contains("client-key-data: ")) && text.ends_with('\n'),
    }
}

/// Whether it belongs to our own state: journals and the lock, with the directories that hold nothing else.
fn is_state(path: &str) -> bool {
    STATE == path || path.starts_with(&format!("{STATE}/")) || STATE.starts_with(&format!("{path}/"))
}

fn is_scratch(path: &str) -> bool {
    path.split('/').any(|name| name.starts_with('.') && name.ends_with(".new"))
}

fn owner() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// Whether roots can be changed here; without it nothing can be swept, and tests say so.
pub fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("not swept: `--rootfs` needs root");
    }
    root
}

/// Whether all is swept that there is, as by hand; otherwise what CI has the time for.
pub fn all_of_it() -> bool {
    std::env::var_os("KUBEWRIGHT_SWEEP").is_some_and(|value| value == "all")
}

/// Tries each on all processors. Stops the test with what failed.
pub fn each<T: Sync>(what: &str, things: &[T], attempt: impl Fn(&T) -> Result<(), String> + Sync) {
    let start = std::time::Instant::now();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(thing) = things.get(next.fetch_add(1, Ordering::SeqCst)) {
            if let Err(why) = attempt(thing) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(why);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    let (all, good, seconds) = (things.len(), things.len() - failed.len(), start.elapsed().as_secs());
    println!("{what}: {good}/{all}, in {seconds} s");
    let shown = failed.iter().take(10).map(|why| format!("\n- {why}")).collect::<String>();
    assert!(failed.is_empty(), "{what}: {} of {all} failed:{shown}", failed.len());
}

/// About `count` of them, evenly chosen.
pub fn evenly<T>(things: Vec<T>, count: usize) -> Vec<T> {
    let step = things.len().div_ceil(count).max(1);
    things.into_iter().step_by(step).collect()
}
