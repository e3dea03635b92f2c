//! A command on a node that is killed again and again, each time at a call that none of its runs died at before, until it
//! succeeds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};

use kubewright_crash::{Call, Ended, Kind, Then, Watcher, trace, tree};
use kubewright_engine::{Record, RunOutcome};
use kubewright_lab::Node;

use crate::recovery::site::in_words;

/// The runs of one command.
pub struct March {
    name: String,
    /// Every so many new calls it dies.
    step: usize,
    known: HashSet<String>,
    deaths: Vec<String>,
    took: Duration,
}

impl March {
    /// Before the first run. It dies at every `step`th call; by hand at each: `KUBEWRIGHT_SWEEP=all`, or the command's name.
    pub fn of(name: &str, step: usize) -> Self {
        let step = if is_whole(name) { 1 } else { step };
        Self { name: name.into(), step, known: HashSet::new(), deaths: Vec::new(), took: Duration::ZERO }
    }

    /// Runs the command until it comes to an end of its own.
    pub fn until_it_ends(&mut self, command: impl Fn() -> Command) -> Ended {
        loop {
            if let Some(ended) = self.once(&command()) {
                return ended;
            }
            assert!(self.deaths.len() < MOST, "it does not come to an end: {:#?}", &self.deaths[MOST - 9..]);
        }
    }

    /// Runs the command once; gives how it ended, unless it was killed.
    pub fn once(&mut self, command: &Command) -> Option<Ended> {
        let (start, phase, times) = (Instant::now(), String::new(), HashMap::new());
        let mut run = Run { known: &mut self.known, step: self.step, new: 0, phase, times, last: None, closed: false };
        let ended = trace(command, OsStr::new("kubewright"), &mut run).unwrap();
        self.took += start.elapsed();
        if ended.killed {
            self.deaths.extend(run.last);
            if let (0, Some(last)) = (self.deaths.len() % 50, self.deaths.last()) {
                println!(
                    "{}: {} deaths in {} s, the last at {last}",
                    self.name,
                    self.deaths.len(),
                    self.took.as_secs()
                );
            }
            return None;
        }
        Some(ended)
    }

    /// Says how it went. Who hardly died has not been tried.
    #[track_caller]
    pub fn tell(&self, ended: &Ended, node: &Node, at_least: usize) {
        let mut phases: BTreeMap<&str, usize> = BTreeMap::new();
        for death in &self.deaths {
            *phases.entry(death.split(' ').next().unwrap_or_default()).or_default() += 1;
        }
        let (name, on, deaths, calls) = (&self.name, node.name(), self.deaths.len(), self.known.len());
        let (seconds, last) = (self.took.as_secs(), &self.deaths[deaths.saturating_sub(3)..]);
        let told = format!("{name} on {on}: {deaths} deaths at {calls} calls");
        assert!(ended.succeeded(), "{told}, the last at {last:#?}:\n{}", ended.said);
        println!("{told}, then success, in {seconds} s; {phases:?}");
        assert!(deaths >= at_least, "it hardly died");
    }
}

/// Whether a command is to die at each of its calls.
pub fn is_whole(name: &str) -> bool {
    std::env::var("KUBEWRIGHT_SWEEP").is_ok_and(|wish| wish == "all" || wish == name)
}

/// Lets the command die on its way to success.
#[track_caller]
pub fn march<S: AsRef<OsStr>>(node: &Node, name: &str, words: &[S], step: usize, at_least: usize) {
    let mut march = March::of(name, step);
    let ended = march.until_it_ends(|| node.command(words).unwrap());
    march.tell(&ended, node, at_least);
}

/// One run on the march. A call is known by its phase, its name, its object, and how often that was before in the phase.
struct Run<'a> {
    known: &'a mut HashSet<String>,
    step: usize,
    new: usize,
    phase: String,
    times: HashMap<String, usize>,
    last: Option<String>,
    /// Whether it is written down that the run has succeeded.
    closed: bool,
}

impl Watcher for Run<'_> {
    fn before(&mut self, call: &Call) -> Then {
        // Who has succeeded says goodbye to servers, and no more: who dies then has nothing left to do, and the same command
        // would be another one, for a machine that is a node.
        if self.closed && matches!(call.kind, Kind::Send { .. }) {
            return Then::GoOn;
        }
        // What libfaketime keeps, under other names each time, is no part of the command.
        if call.object().starts_with("/dev/shm/") {
            return Then::GoOn;
        }
        if let Kind::Write { path, bytes, .. } = &call.kind
            && path.ends_with("/journal.jsonl")
        {
            match serde_json::from_slice(bytes) {
                Ok(Record::Started { phase }) => self.phase = phase,
                Ok(Record::Closed { outcome: RunOutcome::Succeeded }) => self.closed = true,
                _ => {}
            }
        }
        let what = format!("{} {}", self.phase, without_numbers(&call.to_string()));
        let times = self.times.entry(what.clone()).or_default();
        *times += 1;
        // Whoever waits asks again and again, and one question is like another.
        if *times > MOST_ALIKE || !self.known.insert(format!("{what} {times}")) {
            return Then::GoOn;
        }
        self.new += 1;
        if self.new < self.step {
            return Then::GoOn;
        }
        self.last = Some(format!("{what} {times}"));
        Then::Kill
    }
}

/// A run's identifier and time are others each time.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        out.push_str(if digits >= 6 { "N" } else { &part[..digits] });
        out.push_str(&part[digits..]);
    }
    out
}

/// What the command has written on a node, without what is random.
pub fn files(node: &Node) -> BTreeMap<String, String> {
    let mut found: tree::Tree = tree::read(&node.path("/etc/kubernetes"))
        .into_iter()
        .map(|(path, entry)| (format!("etc/kubernetes/{path}"), entry))
        .collect();
    for name in ["config.yaml", "kubeadm-flags.env"] {
        let path = format!("var/lib/kubelet/{name}");
        found.insert(path.clone(), kubewright_crash::Entry::of(&node.path(&format!("/{path}"))).unwrap());
    }
    in_words(&found)
}

/// More calls than any command makes.
const MOST: usize = 5000;
/// How often a call that is like others of its phase is one to die at.
const MOST_ALIKE: usize = 40;
