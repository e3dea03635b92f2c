//! The changes that one phase makes to files: staged, sealed, published; or dropped.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Digest, Effect, EffectLog, FileChange, JournalError};
use kubewright_node::{Contents, FileError, FileSession, Mode, Owner};
use rustix::io::Errno;

use crate::claims::SessionId;
use crate::disk::Found;
use crate::scratch;
use crate::shared::{Shared, check_size, contents, digest};

/// The session of one phase on this machine.
pub(crate) struct HostSession {
    shared: Arc<Shared>,
    log: EffectLog,
    id: SessionId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Whether some of what was sealed last has its name and the rest has not.
    halfway: bool,
    /// In the order in which they were asked for, which is the order in which they appear.
    staged: Vec<Staged>,
}

/// One file that waits to be published.
struct Staged {
    /// The path as the phase said it, for people.
    asked: Utf8PathBuf,
    /// Where it really is.
    target: Utf8PathBuf,
    /// `None` for a removal.
    new: Option<New>,
    old: Option<Digest>,
}

struct New {
    scratch: Utf8PathBuf,
    file: File,
    contents: Contents,
    mode: u32,
    /// `None` leaves it to whom the target belongs.
    owner: Option<(u32, u32)>,
    digest: Digest,
}

impl Staged {
    fn change(&self) -> FileChange {
        FileChange {
            path: self.target.clone(),
            staged: self.new.as_ref().map(|new| new.scratch.clone()),
            mode: self.new.as_ref().map_or(0, |new| new.mode),
            owner: self.new.as_ref().and_then(|new| new.owner),
            old: self.old.clone(),
            new: self.new.as_ref().map(|new| new.digest.clone()),
        }
    }
}

impl HostSession {
    pub(crate) fn new(shared: Arc<Shared>, log: EffectLog) -> Self {
        let id = shared.claims.new_session();
        Self { shared, log, id, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A future that was cancelled may still have a blocking call going; what it asks for comes too late.
    fn open(&self, path: &Utf8Path) -> Result<MutexGuard<'_, State>, FileError> {
        let state = self.lock();
        match state.closed {
            true => Err(FileError::Closed { path: path.to_owned() }),
            false => Ok(state),
        }
    }

    /// Drops what is staged for the target, if anything.
    fn unstage(&self, state: &mut State, target: &Utf8Path) -> Result<(), FileError> {
        let Some(index) = state.staged.iter().position(|staged| staged.target == target) else { return Ok(()) };
        let staged = state.staged.remove(index);
        self.drop_scratch(&staged)
    }

    fn drop_scratch(&self, staged: &Staged) -> Result<(), FileError> {
        let Some(new) = &staged.new else { return Ok(()) };
        self.shared.disk.remove(&new.scratch).map(drop).map_err(failed("remove", &new.scratch))
    }

    fn stage(
        &self,
        target: &Utf8Path,
        contents: &Contents,
        mode: u32,
        owner: Option<(u32, u32)>,
        old: Option<&Found>,
    ) -> Result<New, FileError> {
        let scratch = scratch::of_file(target, self.log.run_id());
        self.log.scratch(&scratch).map_err(claimed)?;
        let disk = &self.shared.disk;
        let make = || -> io::Result<File> {
            let mut file = disk.create(&scratch)?;
            disk.write(&scratch, &mut file, contents.as_bytes())?;
            if let Some(owner) = owner.or(old.map(|old| old.owner)) {
                disk.set_owner(&scratch, &file, owner)?;
            }
            // After the owner: changing it clears the set-user bit.
            disk.set_mode(&scratch, &file, mode)?;
            Ok(file)
        };
        let file = make().map_err(|error| {
            // A disk that is full gets its room back at once; a name that was taken is not ours to remove.
            if Errno::from_io_error(&error) != Some(Errno::EXIST) {
                let _ = disk.remove(&scratch);
            }
            failed("write", target)(error)
        })?;
        self.log.checkpoint("staged");
        Ok(New { scratch, file, contents: contents.clone(), mode, owner, digest: digest(contents.as_bytes()) })
    }

    fn put(&self, path: &Utf8Path, contents: &Contents, mode: u32, owner: Option<(u32, u32)>) -> Result<(), FileError> {
        check_size(path, contents)?;
        let mut state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        self.shared.claims.claim(&target, self.id)?;
        self.unstage(&mut state, &target)?;
        let old = self.shared.found(&target)?;
        let fits = |old: &Found| {
            old.mode == mode
                && owner.is_none_or(|owner| owner == old.owner)
                && old.bytes.as_slice() == contents.as_bytes()
        };
        if old.as_ref().is_some_and(fits) {
            return Ok(());
        }
        if let Some(parent) = target.parent() {
            self.shared.directories.ensure(&self.shared.disk, parent, (0o755, None), self.id, &self.log)?;
        }
        self.shared.tidy(&target, self.log.run_id());
        let new = self.stage(&target, contents, mode, owner, old.as_ref())?;
        let old = old.map(|old| digest(&old.bytes));
        state.staged.push(Staged { asked: path.to_owned(), target, new: Some(new), old });
        Ok(())
    }

    /// Makes every staged byte and name durable, then the promise.
    fn seal(&self, staged: &[Staged]) -> Result<(), FileError> {
        for (target, new) in staged.iter().filter_map(|staged| Some((&staged.target, staged.new.as_ref()?))) {
            self.shared.disk.sync_file(&new.scratch, &new.file).map_err(failed("flush", target))?;
        }
        // A file's own flush does not promise its name, and recovery needs the name.
        self.shared.directories.sync(&self.shared.disk, &parents(staged), Some(self.id))?;
        let changes: Vec<FileChange> = staged.iter().map(Staged::change).collect();
        self.log.sealed(&changes).map_err(claimed)
    }

    fn publish_staged(&self, state: &mut State) -> Result<(), FileError> {
        if state.staged.is_empty() {
            self.shared.directories.sync(&self.shared.disk, &BTreeSet::new(), Some(self.id))?;
            self.shared.directories.keep(self.id);
            return Ok(());
        }
        self.seal(&state.staged)?;
        // All looks before the first rename: a phase whose target was changed by somebody else publishes nothing.
        let mut already = Vec::new();
        for staged in &state.staged {
            already.push(is_published(&self.shared, &staged.change())?);
        }
        let directories = parents(&state.staged);
        for done in already {
            self.log.checkpoint("publish");
            let staged = &state.staged[0];
            match done {
                true => self.drop_scratch(staged)?,
                false => self.publish_one(staged)?,
            }
            state.staged.remove(0);
            state.halfway = !state.staged.is_empty();
        }
        self.log.checkpoint("renamed");
        self.shared.directories.sync(&self.shared.disk, &directories, None)?;
        self.shared.directories.keep(self.id);
        self.log.checkpoint("published");
        Ok(())
    }

    fn publish_one(&self, staged: &Staged) -> Result<(), FileError> {
        let disk = &self.shared.disk;
        let action = match &staged.new {
            Some(new) => {
                disk.rename(&new.scratch, &staged.target).map(|()| "write").map_err(failed("replace", &staged.target))
            }
            None => disk.remove(&staged.target).map(|_| "remove").map_err(failed("remove", &staged.target)),
        };
        self.log.changed(Effect::new(action?, staged.asked.as_str()));
        Ok(())
    }
}

impl FileSession for HostSession {
    fn read(&self, path: &Utf8Path) -> Result<Option<Contents>, FileError> {
        let state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        if let Some(staged) = state.staged.iter().find(|staged| staged.target == target) {
            return Ok(staged.new.as_ref().map(|new| new.contents.clone()));
        }
        Ok(self.shared.found(&target)?.map(contents))
    }

    fn mode(&self, path: &Utf8Path) -> Result<Option<Mode>, FileError> {
        let state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        if let Some(staged) = state.staged.iter().find(|staged| staged.target == target) {
            return Ok(staged.new.as_ref().map(|new| Mode(new.mode)));
        }
        Ok(self.shared.found(&target)?.map(|found| Mode(found.mode)))
    }

    fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, FileError> {
        self.shared.list(path)
    }

    fn write(&self, path: &Utf8Path, contents: &Contents, Mode(mode): Mode) -> Result<(), FileError> {
        self.put(path, contents, mode, None)
    }

    fn write_owned(
        &self,
        path: &Utf8Path,
        contents: &Contents,
        Mode(mode): Mode,
        owner: Owner,
    ) -> Result<(), FileError> {
        self.put(path, contents, mode, Some((owner.user, owner.group)))
    }

    fn ensure_dir(&self, path: &Utf8Path, Mode(mode): Mode) -> Result<(), FileError> {
        let _state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        self.shared.directories.ensure(&self.shared.disk, &target, (mode, None), self.id, &self.log)
    }

    fn ensure_owned_dir(&self, path: &Utf8Path, Mode(mode): Mode, owner: Owner) -> Result<(), FileError> {
        let owner = (owner.user, owner.group);
        let mut state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        let disk = &self.shared.disk;
        self.shared.directories.ensure(disk, &target, (mode, Some(owner)), self.id, &self.log)?;
        if disk.tree_belongs_to(&target, owner).map_err(failed("look at", path))? {
            return Ok(());
        }
        self.publish_staged(&mut state)?;
        let effect = Effect::new("chown", path.as_str());
        let intent = self.log.intend(&effect)?;
        let given = disk.give_tree(&target, owner).map_err(failed("change the owner of", path));
        self.log.settle(intent, given.is_ok())?;
        given?;
        self.log.changed(effect);
        Ok(())
    }

    fn remove(&self, path: &Utf8Path) -> Result<(), FileError> {
        let mut state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        self.shared.claims.claim(&target, self.id)?;
        self.unstage(&mut state, &target)?;
        let Some(old) = self.shared.found(&target)? else { return Ok(()) };
        let old = Some(digest(&old.bytes));
        state.staged.push(Staged { asked: path.to_owned(), target, new: None, old });
        Ok(())
    }

    fn publish(&self) -> Result<(), FileError> {
        let mut state = self.open(self.log.phase().into())?;
        self.publish_staged(&mut state)
    }

    fn commit(&self) -> Result<(), FileError> {
        let mut state = self.open(self.log.phase().into())?;
        self.publish_staged(&mut state)?;
        state.closed = true;
        self.shared.directories.keep(self.id);
        self.shared.claims.release(self.id);
        Ok(())
    }

    fn halfway(&self) -> bool {
        self.lock().halfway
    }

    fn roll_back(&self) -> Result<(), FileError> {
        let mut state = self.lock();
        if state.closed {
            return Ok(());
        }
        state.closed = true;
        let mut outcome = Ok(());
        if state.halfway {
            // A key without its certificate is what nobody wants: these are promised, and follow in the next run.
            self.shared.directories.keep(self.id);
            state.staged.clear();
        }
        for staged in state.staged.drain(..) {
            outcome = outcome.and(self.drop_scratch(&staged));
        }
        let outcome = outcome.and(self.shared.directories.let_go(&self.shared.disk, self.id));
        self.shared.claims.release(self.id);
        outcome
    }
}

/// Compares a target with a promise: `true` when it is kept already, `false` when it can be, an error when somebody else
/// changed the file since.
pub(crate) fn is_published(shared: &Shared, change: &FileChange) -> Result<bool, FileError> {
    let found = shared.found(&change.path)?;
    let now = found.as_ref().map(|found| digest(&found.bytes));
    let fits =
        found.is_none_or(|found| found.mode == change.mode && change.owner.is_none_or(|owner| owner == found.owner));
    if now == change.new && fits {
        Ok(true)
    } else if now == change.old || now == change.new {
        Ok(false)
    } else {
        Err(FileError::ChangedMeanwhile { path: change.path.clone() })
    }
}

fn parents(staged: &[Staged]) -> BTreeSet<Utf8PathBuf> {
    staged.iter().filter_map(|staged| staged.target.parent()).map(Utf8Path::to_owned).collect()
}

fn failed(doing: &'static str, path: &Utf8Path) -> impl FnOnce(io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |source| FileError::Io { doing, path, source }
}

fn claimed(error: JournalError) -> FileError {
    match error {
        JournalError::Claimed { path, .. } => FileError::Contended { path },
        other => other.into(),
    }
}
