//! A temporary tree and a log, for tests of this crate.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::journal::FORMAT;
use kubewright_engine::{EffectLog, Event, EventKind, Events, Head, Inputs, Journal, Record, Selection};
use kubewright_node::Contents;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::root::Root;

pub(crate) const RUN: &str = "000007-20260102T030405Z";

/// A tree with `/etc` in it.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        // Hundreds of crashes flush thousands of times; in memory that costs nothing, and the order is checked by itself.
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        Self { dir }
    }

    pub(crate) fn root(&self) -> Root {
        Root::at(self.dir())
    }

    pub(crate) fn dir(&self) -> &Utf8Path {
        Utf8Path::from_path(self.dir.path()).unwrap()
    }

    pub(crate) fn at(&self, path: &str) -> Utf8PathBuf {
        self.root().place(path.into())
    }

    pub(crate) fn put(&self, path: &str, text: &str, mode: u32) {
        let at = self.at(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(&at, text).unwrap();
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.at(path)).ok()
    }

    pub(crate) fn mode(&self, path: &str) -> u32 {
        std::fs::symlink_metadata(self.at(path)).unwrap().mode() & 0o7777
    }

    pub(crate) fn inode(&self, path: &str) -> u64 {
        std::fs::symlink_metadata(self.at(path)).unwrap().ino()
    }

    /// Everything below the root, with mode and text; the journal's own directory left out.
    pub(crate) fn tree(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(self.dir(), self.dir(), &mut found);
        found.sort();
        found
    }

    /// Temporary names that somebody left.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        self.tree().into_iter().filter(|line| line.split(' ').next().unwrap().ends_with(".new")).collect()
    }
}

fn walk(base: &Utf8Path, directory: &Utf8Path, found: &mut Vec<String>) {
    for entry in directory.read_dir_utf8().unwrap() {
        let path = entry.unwrap().path().to_owned();
        let stat = std::fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(base).unwrap();
        if name == "runs" {
            continue;
        }
        if stat.is_dir() {
            found.push(format!("/{name} {:04o}", stat.mode() & 0o7777));
            walk(base, &path, found);
        } else if stat.is_symlink() {
            found.push(format!("/{name} -> {}", path.read_link_utf8().unwrap()));
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            found.push(format!("/{name} {:04o} {text}", stat.mode() & 0o7777));
        }
    }
}

/// The log of one phase that keeps its records in memory, and what it told.
pub(crate) struct Told {
    pub(crate) journal: Arc<Journal>,
    events: Events,
    receiver: UnboundedReceiver<Event>,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self::to(Journal::discarding(RUN))
    }

    pub(crate) fn to(journal: Journal) -> Self {
        let (events, receiver) = Events::channel();
        Self { journal: Arc::new(journal), events, receiver }
    }

    pub(crate) fn log(&self, phase: &'static str) -> EffectLog {
        EffectLog::new(phase, Arc::clone(&self.journal), self.events.clone())
    }

    /// The effects since the last question, such as `write /etc/a`.
    pub(crate) fn effects(&mut self) -> Vec<String> {
        let mut effects = Vec::new();
        while let Ok(event) = self.receiver.try_recv() {
            if let EventKind::Effect { effect, .. } = event.kind {
                effects.push(effect.to_string());
            }
        }
        effects
    }
}

/// What a journal of these phases begins with.
pub(crate) fn head(phases: &[&str]) -> Head {
    Head {
        format: FORMAT,
        tool: "test".into(),
        workflow: "init".into(),
        inputs: Inputs::default(),
        selection: Selection::default(),
        steps: phases.iter().map(|phase| (*phase).to_owned()).collect(),
        resumes: None,
        done: Vec::new(),
        promised: Vec::new(),
        command: String::new(),
        pid: 0,
    }
}

/// Begins a real journal in which the phases have begun.
pub(crate) fn journal(dir: &Utf8Path, phases: &[&str]) -> Journal {
    let journal = Journal::begin(dir, head(phases)).unwrap();
    for phase in phases {
        journal.append(&Record::Started { phase: (*phase).into() }).unwrap();
    }
    journal
}

pub(crate) fn text(text: &str) -> Contents {
    Contents::public(text)
}
