//! Directories that this process made, who relies on them, and which of their names are durable.
//!
//! A phase that fails takes back the directories that it made, unless another phase meanwhile relies on them. Both the
//! making and the taking back happen under one lock, so that nobody loses a directory between looking and writing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Effect, EffectLog};
use kubewright_node::FileError;
use rustix::io::Errno;

use crate::claims::SessionId;
use crate::disk::Disk;
use crate::scratch;

/// The directories of one backend.
#[derive(Default)]
pub(crate) struct Directories {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Made by this process and not yet kept by anybody, with the sessions that rely on them.
    made: BTreeMap<Utf8PathBuf, BTreeSet<SessionId>>,
    /// All names in them are durable, as far as this process made them.
    durable: HashSet<Utf8PathBuf>,
}

impl Directories {
    /// Makes the directory and its missing parents with the mode, and the directory itself for the owner; existing ones
    /// keep theirs. The session relies on all of them from now on.
    pub(crate) fn ensure(
        &self,
        disk: &Disk,
        path: &Utf8Path,
        (mode, owner): (u32, Option<(u32, u32)>),
        session: SessionId,
        log: &EffectLog,
    ) -> Result<(), FileError> {
        let failed =
            |path: &Utf8Path, source| FileError::Io { doing: "make the directory", path: path.to_owned(), source };
        let mut inner = self.lock();
        let mut chain: Vec<&Utf8Path> = path.ancestors().collect();
        chain.reverse();
        for directory in chain {
            if disk.is_directory(directory).map_err(|source| failed(directory, source))? {
                if let Some(holders) = inner.made.get_mut(directory) {
                    holders.insert(session);
                }
                continue;
            }
            tidy(disk, directory, log.run_id());
            let temporary = scratch::of_directory(directory, log.run_id(), log.phase());
            log.scratch(&temporary)?;
            let owner = owner.filter(|_| directory == path);
            let made = make(disk, directory, &temporary, mode, owner).map_err(|source| failed(directory, source))?;
            if made {
                inner.made.entry(directory.to_owned()).or_default().insert(session);
                log.changed(Effect::new("mkdir", directory.as_str()));
            }
            // Before anything is put into it: a power cut that lost its name would leave what is in it, keys perhaps, under
            // the temporary one.
            if let Some(parent) = directory.parent() {
                disk.sync_directory(parent).map_err(|source| failed(parent, source))?;
                inner.durable.insert(parent.to_owned());
            }
        }
        Ok(())
    }

    /// Makes the names in the directories durable, and the names of all directories above them and of those that the
    /// session relies on.
    pub(crate) fn sync(
        &self,
        disk: &Disk,
        directories: &BTreeSet<Utf8PathBuf>,
        session: Option<SessionId>,
    ) -> Result<(), FileError> {
        let mut inner = self.lock();
        let made = inner.made.iter().filter(|(_, holders)| session.is_some_and(|session| holders.contains(&session)));
        let above =
            made.flat_map(|(path, _)| path.ancestors()).chain(directories.iter().flat_map(|path| path.ancestors()));
        let unknown = |path: &&Utf8Path| !directories.contains(*path) && !inner.durable.contains(*path);
        let wanted: BTreeSet<Utf8PathBuf> = above.filter(unknown).map(Utf8Path::to_owned).collect();
        // From the leaves up: a parent's name says nothing about what is in it.
        for directory in directories.iter().rev().chain(wanted.iter().rev()) {
            disk.sync_directory(directory).map_err(|source| FileError::Io {
                doing: "flush the directory",
                path: directory.clone(),
                source,
            })?;
        }
        inner.durable.extend(wanted);
        Ok(())
    }

    /// Keeps every directory that the session relies on, whatever happens to others.
    pub(crate) fn keep(&self, session: SessionId) {
        self.lock().made.retain(|_, holders| !holders.contains(&session));
    }

    /// Removes what the session made, where it is empty and nobody else relies on it.
    pub(crate) fn let_go(&self, disk: &Disk, session: SessionId) -> Result<(), FileError> {
        let mut inner = self.lock();
        let mine = inner.made.iter_mut().rev().filter_map(|(path, holders)| {
            let last = holders.remove(&session) && holders.is_empty();
            last.then(|| path.clone())
        });
        let mut outcome = Ok(());
        for directory in mine.collect::<Vec<_>>() {
            inner.made.remove(&directory);
            let removed = disk.remove_directory(&directory);
            if let Err(source) = removed {
                outcome = outcome.and(Err(FileError::Io { doing: "remove the directory", path: directory, source }));
            }
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes what dead runs left of making it and no journal names any more: a journal may lie behind the disk. Only one run
/// at a time has the node's lock, so a run that is not ours is dead.
fn tidy(disk: &Disk, directory: &Utf8Path, run_id: &str) {
    let (Some(parent), Some(name)) = (directory.parent(), directory.file_name()) else { return };
    let names = disk.list(parent).ok().flatten().unwrap_or_default();
    for stray in names.iter().filter(|candidate| scratch::is_stray(candidate, name, run_id)) {
        // Nothing is in it, or it is not ours; a leftover that cannot be removed harms nobody.
        let _ = disk.remove_directory(&parent.join(stray));
    }
}

/// Makes a directory that appears with its mode. Says whether it did: somebody else may have been faster.
fn make(disk: &Disk, path: &Utf8Path, temporary: &Utf8Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<bool> {
    let made = disk.make_directory(temporary, mode, owner).and_then(|()| disk.rename(temporary, path));
    let Err(error) = made else { return Ok(true) };
    // Nothing can be in it. That it cannot be removed is less interesting than why it cannot be used.
    let _ = disk.remove_directory(temporary);
    match Errno::from_io_error(&error) {
        Some(Errno::EXIST | Errno::NOTEMPTY) => disk.is_directory(path).map(|_| false),
        _ => Err(error),
    }
}
