//! What a program does to the files below one directory, call by call and byte by byte.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call::{Call, Kind};
use crate::tracee::{Ended, Then, Watcher, trace};
use crate::tree::{self, Entry, Tree};

/// One call that ended well. Paths are told from the directory; it is itself the empty path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Nothing that concerns the directory.
    Elsewhere,
    /// A file is there, and was made unless it was there before; or it was emptied.
    Open {
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
        /// Its user and group.
        owner: (u32, u32),
        /// Whether what was in it is gone.
        truncated: bool,
    },
    /// Bytes were written into a file.
    Write {
        /// The file.
        path: String,
        /// Where the first of them stands.
        at: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A file has another length.
    Truncate {
        /// The file.
        path: String,
        /// The length in bytes.
        length: u64,
    },
    /// A file or directory has another mode or owner.
    Attributes {
        /// The file or directory.
        path: String,
        /// The mode.
        mode: u32,
        /// The user and the group.
        owner: (u32, u32),
    },
    /// A directory was made.
    MakeDirectory {
        /// The directory.
        path: String,
        /// Its mode.
        mode: u32,
        /// Its user and group.
        owner: (u32, u32),
    },
    /// A name was given to what had another one.
    Rename {
        /// The name that is gone.
        from: String,
        /// The name that is there.
        to: String,
    },
    /// A name was removed.
    Remove {
        /// The name.
        path: String,
    },
    /// A file, or the names in a directory, are durable as far as calls had ended when the flush began.
    Sync {
        /// The file or directory.
        path: String,
        /// How many calls had ended.
        began: usize,
    },
}

/// A run of a program, and what it did to a directory.
#[derive(Debug)]
pub struct Recording {
    /// What was there before.
    pub before: Tree,
    /// What it did, in the order in which the calls ended.
    pub ops: Vec<Op>,
    /// How it ended.
    pub ended: Ended,
}

/// Runs the command to its end, and writes down what it does below `base`.
///
/// # Errors
/// It cannot be started or traced.
///
/// # Panics
/// It makes a link or something else there that a recording cannot hold.
pub fn record(command: &Command, program: &OsStr, base: &Path) -> io::Result<Recording> {
    let base = base.canonicalize()?;
    let before = tree::read(&base);
    let mut recorder = Recorder { base, ops: Vec::new() };
    let ended = trace(command, program, &mut recorder)?;
    Ok(Recording { before, ops: recorder.ops, ended })
}

struct Recorder {
    base: PathBuf,
    ops: Vec<Op>,
}

impl Watcher for Recorder {
    fn before(&mut self, _: &Call) -> Then {
        Then::GoOn
    }

    fn after(&mut self, call: Call, began: usize) {
        let op = self.op(call, began).unwrap_or(Op::Elsewhere);
        self.ops.push(op);
    }
}

impl Recorder {
    fn op(&self, call: Call, began: usize) -> Option<Op> {
        let inside = |path: &str| Path::new(path).strip_prefix(&self.base).ok()?.to_str().map(str::to_owned);
        let now = |path: &str| Entry::of(&self.base.join(path)).unwrap();
        let name = call.name;
        Some(match call.kind {
            Kind::Send { .. } | Kind::Process => return None,
            Kind::Open { path, truncate, .. } => {
                let path = inside(&path)?;
                let Entry { mode, owner, .. } = now(&path);
                Op::Open { path, mode, owner, truncated: truncate }
            }
            Kind::Write { path, at, bytes } => Op::Write { path: inside(&path)?, at, bytes },
            Kind::Truncate { path, length } => Op::Truncate { path: inside(&path)?, length },
            Kind::Attributes { path } => {
                let path = inside(&path)?;
                let Entry { mode, owner, .. } = now(&path);
                Op::Attributes { path, mode, owner }
            }
            Kind::MakeDirectory { path } => {
                let path = inside(&path)?;
                let Entry { mode, owner, .. } = now(&path);
                Op::MakeDirectory { path, mode, owner }
            }
            Kind::Rename { from, to } => Op::Rename { from: inside(&from)?, to: inside(&to)? },
            Kind::Remove { path } => Op::Remove { path: inside(&path)? },
            // Of what is above the directory we know nothing, and need nothing.
            Kind::Sync { path } => Op::Sync { path: inside(&path)?, began },
            Kind::Other { path } => {
                let path = inside(&path)?;
                panic!("{name} of {path} cannot be recorded");
            }
        })
    }
}
