//! What all sessions on one tree have in common, and how each of them reads a file.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::Digest;
use kubewright_node::{Contents, FileError, MAX_FILE_BYTES};
use sha2::{Digest as _, Sha256};

use crate::claims::Claims;
use crate::directories::Directories;
use crate::disk::{Disk, Found, Unreadable};
use crate::scratch;

/// What all sessions of one backend have in common.
pub(crate) struct Shared {
    pub(crate) disk: Disk,
    pub(crate) claims: Claims,
    pub(crate) directories: Directories,
    /// Targets beside which leftovers of dead runs were looked for already.
    pub(crate) tidied: Mutex<HashSet<Utf8PathBuf>>,
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
