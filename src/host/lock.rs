//! One run at a time on a node. The kernel holds the lock for us and lets go when the process ends, however it ends.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::at_work;
use rustix::fs::{FlockOperation, Stat};
use rustix::io::Errno;

use crate::root::Root;

/// Where kubewright keeps its journals and its lock.
pub const STATE_DIR: &str = "/var/lib/kubewright";

/// Why this run may not begin.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run is going on.
    #[error("{holder} is changing this node{}; wait until it ends, or stop it", holder.place())]
    Held {
        /// The lock's file.
        path: Utf8PathBuf,
        /// Who holds it.
        holder: Holder,
    },
    /// The lock's file cannot be used.
    #[error("cannot lock `{path}`")]
    Io {
        /// The file or its directory.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Who changes this node just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process; `None` in the moment in which it has the lock and has not said so yet.
    pub pid: Option<u32>,
    /// What it does, such as `kubewright init`.
    pub command: String,
    /// The phases that it is at work on.
    pub phases: Vec<String>,
}

impl Holder {
    /// Where it is, for a sentence.
    fn place(&self) -> String {
        match self.phases.as_slice() {
            [] => String::new(),
            [phase] => format!(", in the phase `{phase}`"),
            phases => format!(", in the phases `{}`", phases.join("`, `")),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "`{}` with the process id {pid}", self.command),
            None => write!(f, "`{}`", self.command),
        }
    }
}

/// The right to change this node; held until it is dropped or the process ends.
#[derive(Debug)]
pub struct NodeLock {
    // Held by the open file.
    file: File,
}

impl NodeLock {
    /// Takes the lock, or says who has it; never waits.
    ///
    /// Others are told `command`, so it must hold no secret: name the command, not its arguments.
    ///
    /// # Errors
    /// [`LockError::Held`] while another process has it; [`LockError::Io`] when the file cannot be made or written.
    pub fn acquire(root: &Root, command: &str) -> Result<Self, LockError> {
        let directory = root.place(Utf8Path::new(STATE_DIR));
        let path = directory.join("lock");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(|source| LockError::Io { path: directory.clone(), source })?;
        let failed = |source: io::Error| LockError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file =
            options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(&path).map_err(failed)?;
        let mut looks = 0;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Somebody may only be asking who has it, and that takes a moment.
                Err(Errno::WOULDBLOCK) if looks < LOOKS => {
                    looks += 1;
                    std::thread::sleep(BETWEEN_LOOKS);
                }
                Err(Errno::WOULDBLOCK) => return Err(LockError::Held { path, holder: read_holder(file, &directory) }),
                other => break other.map_err(|error| failed(error.into()))?,
            }
        }
        // Whoever removes the file holds its lock: one that was removed between our two calls locks nothing any more.
        let same = |stands: Stat| rustix::fs::fstat(&file).is_ok_and(|ours| ours.st_ino == stands.st_ino);
        if !rustix::fs::lstat(path.as_str()).is_ok_and(same) {
            return Self::acquire(root, command);
        }
        let holder = format!("{}\n{command}\n", std::process::id());
        let told = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        told.map_err(failed)?;
        Ok(Self { file })
    }

    /// Says who has the lock, without taking it; `None` when nobody has.
    ///
    /// # Errors
    /// [`LockError::Io`] when the file is there and cannot be read.
    pub fn holder(root: &Root) -> Result<Option<Holder>, LockError> {
        let directory = root.place(Utf8Path::new(STATE_DIR));
        let path = directory.join("lock");
        let failed = |source: io::Error| LockError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(&path);
        let file = match file {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        // Shared, so that those who only ask do not get into each other's way; let go when the file is closed.
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => Ok(Some(read_holder(file, &directory))),
            other => other.map(|()| None).map_err(|error| failed(error.into())),
        }
    }
}

/// How often and how long a run that finds the lock taken looks again: together far below what a person notices.
const LOOKS: usize = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

impl NodeLock {
    /// Lets go, and takes the file away, and its directory if nothing else is in it: for a command after which nothing of
    /// ours is to be left. Who opened the file meanwhile finds out that it is gone, and makes another.
    ///
    /// # Errors
    /// [`LockError::Io`] when the file cannot be removed.
    pub fn remove(self, root: &Root) -> Result<(), LockError> {
        let directory = root.place(Utf8Path::new(STATE_DIR));
        let path = directory.join("lock");
        match rustix::fs::unlink(path.as_str()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(LockError::Io { path, source: error.into() }),
        }
        match rustix::fs::rmdir(directory.as_str()) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => Ok(()),
            Err(error) => Err(LockError::Io { path: directory, source: error.into() }),
        }
    }
}

impl Drop for NodeLock {
    /// Lets go at once. Closing alone would not: a program that is just being started holds the same open file until it
    /// has left our image behind.
    fn drop(&mut self) {
        // A lock that cannot be given back goes with the last copy of the open file.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

fn read_holder(file: File, state: &Utf8Path) -> Holder {
    let mut text = String::new();
    // The holder may not have written yet; then there is less to say, and no other error.
    let _ = file.take(4096).read_to_string(&mut text);
    let mut lines = text.lines();
    let pid = lines.next().and_then(|pid| pid.parse().ok());
    let command = lines.next().unwrap_or("another run").to_owned();
    Holder { pid, command, phases: pid.map(|pid| at_work(state, pid)).unwrap_or_default() }
}

#[cfg(test)]
mod tests;
