//! One run at a time on a node. The kernel holds the lock for us and lets go when the process ends, however it ends.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::root::Root;

/// Where kubewright keeps its journals and its lock.
pub const STATE_DIR: &str = "/var/lib/kubewright";

/// Why this run may not begin.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run is going on.
    #[error("`{command}` with the process id {pid} is changing this node; wait until it ends, or stop it")]
    Held {
        /// The lock's file.
        path: Utf8PathBuf,
        /// The process that holds it.
        pid: String,
        /// What that process is doing.
        command: String,
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

/// The right to change this node; held until it is dropped or the process ends.
#[derive(Debug)]
pub struct NodeLock {
    // Held by the open file; the file itself stays, since removing it would let two processes lock two files.
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
        made.map_err(|source| LockError::Io { path: directory, source })?;
        let failed = |source: io::Error| LockError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file =
            options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(&path).map_err(failed)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(held(file, path)),
            other => other.map_err(|error| failed(error.into()))?,
        }
        let holder = format!("{}\n{command}\n", std::process::id());
        let told = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        told.map_err(failed)?;
        Ok(Self { file })
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

fn held(file: File, path: Utf8PathBuf) -> LockError {
    let mut text = String::new();
    // The holder may not have written yet; then there is less to say, and no other error.
    let _ = file.take(4096).read_to_string(&mut text);
    let mut lines = text.lines().map(str::to_owned);
    let pid = lines.next().unwrap_or_else(|| "unknown".into());
    let command = lines.next().unwrap_or_else(|| "another run".into());
    LockError::Held { path, pid, command }
}

#[cfg(test)]
mod tests;
