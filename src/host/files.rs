//! Files on this machine, changed in transactions: where sessions come from, and reading outside of them.
//!
//! A phase's files are *staged* beside their targets, *sealed* (all bytes and names durable, then one durable record) and
//! *published* by rename. A process that dies before the seal leaves files as they were, after it the next command
//! finishes them ([`HostFiles::recover`]). Several renames are not one instant: whole or not at all is promised for one
//! file, finished or undone for a phase. Between the last look at a target and its rename there is a moment in which
//! somebody else's edit would be lost; no file system offers to close it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Digest, EffectLog};
use kubewright_node::{Contents, FileBackend, FileError, FileSession, MAX_FILE_BYTES};
use sha2::{Digest as _, Sha256};

use crate::claims::Claims;
use crate::directories::Directories;
use crate::disk::{Disk, Found, Unreadable};
use crate::root::Root;
use crate::scratch;
use crate::session::HostSession;

/// The files of one directory tree.
pub struct HostFiles {
    shared: Arc<Shared>,
}

/// What all sessions of one backend have in common.
pub(crate) struct Shared {
    pub(crate) disk: Disk,
    pub(crate) claims: Claims,
    pub(crate) directories: Directories,
    /// Targets beside which leftovers of dead runs were looked for already.
    tidied: Mutex<HashSet<Utf8PathBuf>>,
}

impl HostFiles {
    /// Opens the tree. It is looked at only when it is used.
    pub fn new(root: Root) -> Arc<Self> {
        Self::on(Disk::new(root))
    }

    pub(crate) fn on(disk: Disk) -> Arc<Self> {
        let (claims, directories, tidied) = Default::default();
        Arc::new(Self { shared: Arc::new(Shared { disk, claims, directories, tidied }) })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl FileBackend for HostFiles {
    fn begin(&self, log: EffectLog) -> Arc<dyn FileSession> {
        Arc::new(HostSession::new(Arc::clone(&self.shared), log))
    }

    fn read(&self, path: &Utf8Path) -> Result<Option<Contents>, FileError> {
        let target = self.shared.resolve(path)?;
        Ok(self.shared.found(&target)?.map(contents))
    }

    fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, FileError> {
        self.shared.list(path)
    }
}

impl Shared {
    /// The names in a directory, sorted; `None` when it is absent.
    pub(crate) fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, FileError> {
        let failed = |source| FileError::Io { doing: "list the directory", path: path.to_owned(), source };
        let directory = self.resolve(path)?;
        let mut names = self.disk.list(&directory).map_err(failed)?;
        if let Some(names) = &mut names {
            // What is not published is not there.
            names.retain(|name| !scratch::is_scratch(name));
        }
        Ok(names)
    }

    /// Follows links, so that one file has one name in claims, journal and renames.
    pub(crate) fn resolve(&self, path: &Utf8Path) -> Result<Utf8PathBuf, FileError> {
        self.disk.root.resolve(path).map_err(|source| FileError::Io { doing: "find", path: path.to_owned(), source })
    }

    /// Reads a resolved path.
    pub(crate) fn found(&self, target: &Utf8Path) -> Result<Option<Found>, FileError> {
        let path = || target.to_owned();
        self.disk.read(target).map_err(|why| match why {
            Unreadable::NotAFile => FileError::NotAFile { path: path() },
            Unreadable::TooLarge => FileError::TooLarge { path: path() },
            Unreadable::Io(source) => FileError::Io { doing: "read", path: path(), source },
        })
    }

    /// Removes what dead runs left for the target and no journal names any more: a journal may lie behind the disk. Only
    /// one run at a time has the node's lock, so a run that is not ours is dead.
    pub(crate) fn tidy(&self, target: &Utf8Path, run_id: &str) {
        if !self.tidied.lock().unwrap_or_else(PoisonError::into_inner).insert(target.to_owned()) {
            return;
        }
        let (Some(directory), Some(name)) = (target.parent(), target.file_name()) else { return };
        let names = self.disk.list(directory).ok().flatten().unwrap_or_default();
        for stray in names.iter().filter(|candidate| scratch::is_stray(candidate, name, run_id)) {
            // A leftover that cannot be removed harms nobody; whatever prevents it stops the write with its own error.
            let _ = self.disk.remove(&directory.join(stray));
        }
    }
}

/// Wraps what was read; a file that only its owner may read holds a secret, and so does one with a private key in it,
/// whoever may read it.
pub(crate) fn contents(found: Found) -> Contents {
    let private = found.bytes.windows(PRIVATE_KEY.len()).any(|window| window == PRIVATE_KEY);
    match found.mode & 0o077 == 0 || private {
        true => Contents::Secret(found.bytes),
        false => Contents::public(found.bytes.as_slice()),
    }
}

/// How the first line of every kind of private key ends in PEM.
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";

/// The digest under which the journal knows a file.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest(hex::encode(Sha256::digest(bytes)))
}

/// Refuses what no phase could read back.
pub(crate) fn check_size(path: &Utf8Path, contents: &Contents) -> Result<(), FileError> {
    match contents.as_bytes().len() > MAX_FILE_BYTES {
        true => Err(FileError::TooLarge { path: path.to_owned() }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
