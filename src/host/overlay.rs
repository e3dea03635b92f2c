//! Files for a dry run: reads are real, writes stay in memory. Phases cannot tell, and the same changes are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Effect, EffectLog};
use kubewright_node::dry_run::DryFiles;
use kubewright_node::{Contents, FileBackend, FileError, FileSession, Mode, Owner};

use crate::claims::{Claims, SessionId};
use crate::disk::{Disk, Found};
use crate::files::HostFiles;
use crate::root::Root;
use crate::shared::{check_size, contents};

/// What a dry run would have done to files. Nothing on the disk is touched.
pub struct Overlay {
    shared: Arc<Shared>,
}

struct Shared {
    real: Arc<HostFiles>,
    claims: Claims,
    written: Mutex<Layer>,
}

/// Files and directories that differ from the disk.
#[derive(Default)]
struct Layer {
    files: BTreeMap<Utf8PathBuf, Option<Wanted>>,
    directories: BTreeMap<Utf8PathBuf, Mode>,
    /// Files that other programs would write, which are not ours to tell of.
    foreign: BTreeSet<Utf8PathBuf>,
    /// Directories that were given away with all that is in them.
    given: BTreeMap<Utf8PathBuf, Owner>,
}

#[derive(Clone)]
struct Wanted {
    contents: Contents,
    mode: Mode,
    /// `None` leaves it as it is.
    owner: Option<Owner>,
}

/// One file that a real run would change.
#[derive(Debug, Clone)]
pub struct DryChange {
    /// The file.
    pub path: Utf8PathBuf,
    /// How.
    pub kind: DryKind,
    /// Its permission bits; those of the file that is removed, if it is.
    pub mode: Mode,
    /// What it would hold; `None` when it is removed.
    pub contents: Option<Contents>,
    /// What it holds now, and its permission bits; `None` when it is not there.
    pub before: Option<(Contents, Mode)>,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryKind {
    /// It is new.
    Added,
    /// Another stands there now.
    Replaced,
    /// It goes.
    Removed,
}

impl Overlay {
    /// Lays an empty layer over the tree.
    pub fn new(root: Root) -> Arc<Self> {
        let (claims, written) = Default::default();
        Arc::new(Self { shared: Arc::new(Shared { real: HostFiles::new(root), claims, written }) })
    }

    /// Every file that a real run would change, by path.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn changes(&self) -> Result<Vec<DryChange>, FileError> {
        let layer = self.shared.layer();
        let mut changes = Vec::new();
        for (path, wanted) in layer.files.iter().filter(|(path, _)| !layer.foreign.contains(*path)) {
            let stands = self.shared.real.shared().found(path)?;
            let kind = match (&stands, wanted) {
                (None, None) => continue,
                (Some(_), None) => DryKind::Removed,
                (None, Some(_)) => DryKind::Added,
                (Some(found), Some(wanted)) if same(found, wanted) => continue,
                (Some(_), Some(_)) => DryKind::Replaced,
            };
            let before = stands.map(|found| {
                let mode = Mode(found.mode);
                (contents(found), mode)
            });
            let stood = before.as_ref().map_or(Mode(0), |(_, mode)| *mode);
            let mode = wanted.as_ref().map_or(stood, |wanted| wanted.mode);
            let contents = wanted.as_ref().map(|wanted| wanted.contents.clone());
            changes.push(DryChange { path: path.clone(), kind, mode, contents, before });
        }
        Ok(changes)
    }

    /// Writes every file that a real run would add or replace into a directory, as `DIR/etc/kubernetes/admin.conf`.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn write_to(&self, directory: &Utf8Path) -> Result<(), FileError> {
        let disk = Disk::new(Root::at(directory));
        for change in self.changes()? {
            let Some(contents) = change.contents else { continue };
            let failed = |source| FileError::Io { doing: "write", path: disk.root.place(&change.path), source };
            if let Some(parent) = change.path.parent() {
                std::fs::create_dir_all(disk.root.place(parent)).map_err(failed)?;
            }
            // An earlier dry run may have written it.
            disk.remove(&change.path).map_err(failed)?;
            let mut file = disk.create(&change.path).map_err(failed)?;
            disk.write(&change.path, &mut file, contents.as_bytes()).map_err(failed)?;
            disk.set_mode(&change.path, &file, change.mode.0).map_err(failed)?;
        }
        Ok(())
    }
}

impl FileBackend for Overlay {
    fn begin(&self, log: EffectLog) -> Arc<dyn FileSession> {
        let id = self.shared.claims.new_session();
        Arc::new(DrySession { shared: Arc::clone(&self.shared), log, id, state: Mutex::default() })
    }

    fn read(&self, path: &Utf8Path) -> Result<Option<Contents>, FileError> {
        let target = self.shared.resolve(path)?;
        match self.shared.layer().files.get(&target) {
            Some(wanted) => Ok(wanted.as_ref().map(|wanted| wanted.contents.clone())),
            None => self.shared.real.read(&target),
        }
    }

    fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, FileError> {
        self.shared.list(path)
    }
}

impl DryFiles for Overlay {
    fn appear(&self, path: &Utf8Path, contents: &Contents, mode: Mode) -> Result<(), FileError> {
        let target = self.shared.resolve(path)?;
        let mut layer = self.shared.layer();
        let wanted = Wanted { contents: contents.clone(), mode, owner: None };
        layer.files.insert(target.clone(), Some(wanted));
        layer.foreign.insert(target);
        Ok(())
    }
}

impl Shared {
    /// The names in a directory, as they would be.
    fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, FileError> {
        let directory = self.resolve(path)?;
        let mut names = self.real.list(&directory)?;
        let layer = self.layer();
        if layer.directories.contains_key(&directory) {
            names.get_or_insert_default();
        }
        let children = |child: &&Utf8Path| child.parent() == Some(&directory);
        for child in layer.directories.keys().map(Utf8PathBuf::as_path).filter(children) {
            names.get_or_insert_default().extend(child.file_name().map(str::to_owned));
        }
        for (path, wanted) in layer.files.iter().filter(|(path, _)| children(&path.as_path())) {
            let Some(name) = path.file_name() else { continue };
            match wanted {
                Some(_) => names.get_or_insert_default().push(name.to_owned()),
                None => names.iter_mut().for_each(|names| names.retain(|other| other != name)),
            }
        }
        if let Some(names) = &mut names {
            names.sort_unstable();
            names.dedup();
        }
        Ok(names)
    }

    fn layer(&self) -> MutexGuard<'_, Layer> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resolve(&self, path: &Utf8Path) -> Result<Utf8PathBuf, FileError> {
        self.real.shared().resolve(path)
    }

    /// Makes the directory and its missing parents in memory.
    fn ensure(&self, path: &Utf8Path, mode: Mode, log: &EffectLog) -> Result<(), FileError> {
        let mut layer = self.layer();
        let mut chain: Vec<&Utf8Path> = path.ancestors().collect();
        chain.reverse();
        for directory in chain {
            let failed = |source| FileError::Io { doing: "make the directory", path: directory.to_owned(), source };
            if layer.directories.contains_key(directory)
                || self.real.shared().disk.is_directory(directory).map_err(failed)?
            {
                continue;
            }
            layer.directories.insert(directory.to_owned(), mode);
            log.changed(Effect::new("mkdir", directory.as_str()));
        }
        Ok(())
    }
}

struct DrySession {
    shared: Arc<Shared>,
    log: EffectLog,
    id: SessionId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    staged: Vec<Staged>,
}

struct Staged {
    asked: Utf8PathBuf,
    target: Utf8PathBuf,
    wanted: Option<Wanted>,
}

/// What a session would find on the disk if everything so far were real.
enum Stands {
    Real(Option<Found>),
    Dry(Option<Wanted>),
}

impl DrySession {
    fn open(&self, path: &Utf8Path) -> Result<MutexGuard<'_, State>, FileError> {
        let state = self.lock();
        match state.closed {
            true => Err(FileError::Closed { path: path.to_owned() }),
            false => Ok(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stands(&self, target: &Utf8Path) -> Result<Stands, FileError> {
        match self.shared.layer().files.get(target) {
            Some(wanted) => Ok(Stands::Dry(wanted.clone())),
            None => self.shared.real.shared().found(target).map(Stands::Real),
        }
    }

    fn put(&self, path: &Utf8Path, contents: &Contents, mode: Mode, owner: Option<Owner>) -> Result<(), FileError> {
        check_size(path, contents)?;
        let mut state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        self.shared.claims.claim(&target, self.id)?;
        state.staged.retain(|staged| staged.target != target);
        let mut wanted = Wanted { contents: contents.clone(), mode, owner };
        let unchanged = match self.stands(&target)? {
            Stands::Real(found) => found.is_some_and(|found| same(&found, &wanted)),
            Stands::Dry(stands) => stands.is_some_and(|stands| {
                wanted.owner = wanted.owner.or(stands.owner);
                stands.mode == mode && stands.owner == wanted.owner && stands.contents == *contents
            }),
        };
        if unchanged {
            return Ok(());
        }
        if let Some(parent) = target.parent() {
            self.shared.ensure(parent, Mode(0o755), &self.log)?;
        }
        state.staged.push(Staged { asked: path.to_owned(), target, wanted: Some(wanted) });
        Ok(())
    }

    fn publish_staged(&self, state: &mut State) {
        for Staged { asked, target, wanted } in state.staged.drain(..) {
            let action = if wanted.is_some() { "write" } else { "remove" };
            let mut layer = self.shared.layer();
            layer.foreign.remove(&target);
            layer.files.insert(target, wanted);
            drop(layer);
            self.log.changed(Effect::new(action, asked.as_str()));
        }
    }
}

impl FileSession for DrySession {
    fn read(&self, path: &Utf8Path) -> Result<Option<Contents>, FileError> {
        let state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        if let Some(staged) = state.staged.iter().find(|staged| staged.target == target) {
            return Ok(staged.wanted.as_ref().map(|wanted| wanted.contents.clone()));
        }
        match self.stands(&target)? {
            Stands::Real(found) => Ok(found.map(contents)),
            Stands::Dry(wanted) => Ok(wanted.map(|wanted| wanted.contents)),
        }
    }

    fn mode(&self, path: &Utf8Path) -> Result<Option<Mode>, FileError> {
        let state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        if let Some(staged) = state.staged.iter().find(|staged| staged.target == target) {
            return Ok(staged.wanted.as_ref().map(|wanted| wanted.mode));
        }
        match self.stands(&target)? {
            Stands::Real(found) => Ok(found.map(|found| Mode(found.mode))),
            Stands::Dry(wanted) => Ok(wanted.map(|wanted| wanted.mode)),
        }
    }

    fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, FileError> {
        self.shared.list(path)
    }

    fn write(&self, path: &Utf8Path, contents: &Contents, mode: Mode) -> Result<(), FileError> {
        self.put(path, contents, mode, None)
    }

    fn write_owned(&self, path: &Utf8Path, contents: &Contents, mode: Mode, owner: Owner) -> Result<(), FileError> {
        self.put(path, contents, mode, Some(owner))
    }

    fn ensure_dir(&self, path: &Utf8Path, mode: Mode) -> Result<(), FileError> {
        let _state = self.open(path)?;
        self.shared.ensure(&self.shared.resolve(path)?, mode, &self.log)
    }

    fn ensure_owned_dir(&self, path: &Utf8Path, mode: Mode, owner: Owner) -> Result<(), FileError> {
        let mut state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        self.shared.ensure(&target, mode, &self.log)?;
        let disk = &self.shared.real.shared().disk;
        let failed = |source| FileError::Io { doing: "look at", path: path.to_owned(), source };
        let made = self.shared.layer().directories.contains_key(&target);
        let known = self.shared.layer().given.insert(target.clone(), owner);
        if made || known == Some(owner) || disk.tree_belongs_to(&target, (owner.user, owner.group)).map_err(failed)? {
            return Ok(());
        }
        self.publish_staged(&mut state);
        self.log.changed(Effect::new("chown", path.as_str()));
        Ok(())
    }

    fn remove(&self, path: &Utf8Path) -> Result<(), FileError> {
        let mut state = self.open(path)?;
        let target = self.shared.resolve(path)?;
        self.shared.claims.claim(&target, self.id)?;
        state.staged.retain(|staged| staged.target != target);
        if matches!(self.stands(&target)?, Stands::Real(Some(_)) | Stands::Dry(Some(_))) {
            state.staged.push(Staged { asked: path.to_owned(), target, wanted: None });
        }
        Ok(())
    }

    fn publish(&self) -> Result<(), FileError> {
        let mut state = self.open(self.log.phase().into())?;
        self.publish_staged(&mut state);
        Ok(())
    }

    fn commit(&self) -> Result<(), FileError> {
        let mut state = self.open(self.log.phase().into())?;
        self.publish_staged(&mut state);
        state.closed = true;
        self.shared.claims.release(self.id);
        Ok(())
    }

    fn roll_back(&self) -> Result<(), FileError> {
        let mut state = self.lock();
        state.closed = true;
        state.staged.clear();
        self.shared.claims.release(self.id);
        Ok(())
    }
}

fn same(found: &Found, wanted: &Wanted) -> bool {
    let belongs = wanted.owner.is_none_or(|owner| (owner.user, owner.group) == found.owner);
    belongs && found.mode == wanted.mode.0 && found.bytes.as_slice() == wanted.contents.as_bytes()
}

#[cfg(test)]
mod tests;
