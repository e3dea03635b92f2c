//! The system calls of the file transaction, one function each. Tests watch them here, make them fail, or end the process
//! between two of them; nothing else in the transaction touches the disk.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::MAX_FILE_BYTES;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::ownership::Tree;
use crate::root::Root;

/// One kind of call that changes something or makes a change durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Create,
    Write,
    SetMode,
    SetOwner,
    SyncFile,
    SyncDirectory,
    Rename,
    Remove,
    MakeDirectory,
    RemoveDirectory,
}

/// Told of each call before it happens; an error takes the call's place.
pub(crate) type Hook = Arc<dyn Fn(Call, &Utf8Path) -> io::Result<()> + Send + Sync>;

/// A regular file as it stands.
pub(crate) struct Found {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
}

/// What a read met instead of a file.
pub(crate) enum Unreadable {
    NotAFile,
    TooLarge,
    Io(io::Error),
}

impl<E: Into<io::Error>> From<E> for Unreadable {
    fn from(error: E) -> Self {
        Self::Io(error.into())
    }
}

/// A directory tree and the calls on it. All paths are the tree's own and already resolved.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) root: Root,
    hook: Option<Hook>,
}

impl Disk {
    pub(crate) fn new(root: Root) -> Self {
        Self { root, hook: None }
    }

    #[cfg(test)]
    pub(crate) fn watched(root: Root, hook: Hook) -> Self {
        Self { root, hook: Some(hook) }
    }

    /// Reads a whole file; `None` when it is absent.
    pub(crate) fn read(&self, path: &Utf8Path) -> Result<Option<Found>, Unreadable> {
        // NONBLOCK: opening a FIFO would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match rustix::fs::open(self.at(path).as_str(), flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(Unreadable::NotAFile),
            other => File::from(other?),
        };
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Unreadable::NotAFile);
        }
        let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
        if size > MAX_FILE_BYTES {
            return Err(Unreadable::TooLarge);
        }
        // Room for all of it from the start: a buffer that grows leaves copies of secrets behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size + 1));
        file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(Unreadable::TooLarge);
        }
        Ok(Some(Found { bytes, mode: stat.st_mode & 0o7777, owner: (stat.st_uid, stat.st_gid) }))
    }

    /// The names in a directory, sorted; `None` when it is absent. Names that are not UTF-8 cannot be ours.
    pub(crate) fn list(&self, path: &Utf8Path) -> io::Result<Option<Vec<String>>> {
        let entries = match std::fs::read_dir(self.at(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(Some(names))
    }

    /// Whether a directory stands there; an error when something else does.
    pub(crate) fn is_directory(&self, path: &Utf8Path) -> io::Result<bool> {
        match rustix::fs::stat(self.at(path).as_str()) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => Ok(true),
            Ok(_) => Err(Errno::NOTDIR.into()),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a file that does not exist yet. Nobody but us can read it before its mode is set.
    pub(crate) fn create(&self, path: &Utf8Path) -> io::Result<File> {
        self.before(Call::Create, path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::open(self.at(path).as_str(), flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Writes in two parts when it is watched, so that tests can stop in between.
    pub(crate) fn write(&self, path: &Utf8Path, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.before(Call::Write, path)?;
        let half = if self.hook.is_some() { bytes.len() / 2 } else { bytes.len() };
        let (first, rest) = bytes.split_at(half);
        file.write_all(first)?;
        if !rest.is_empty() {
            self.before(Call::Write, path)?;
            file.write_all(rest)?;
        }
        Ok(())
    }

    /// Sets the permission bits exactly; the umask takes nothing away.
    pub(crate) fn set_mode(&self, path: &Utf8Path, file: &File, mode: u32) -> io::Result<()> {
        self.before(Call::SetMode, path)?;
        Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?)
    }

    /// Gives the file to the owner unless it is theirs already.
    pub(crate) fn set_owner(&self, path: &Utf8Path, file: &File, (uid, gid): (u32, u32)) -> io::Result<()> {
        let stat = rustix::fs::fstat(file)?;
        if (stat.st_uid, stat.st_gid) == (uid, gid) {
            return Ok(());
        }
        self.before(Call::SetOwner, path)?;
        Ok(rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?)
    }

    /// Makes a file's bytes durable.
    pub(crate) fn sync_file(&self, path: &Utf8Path, file: &File) -> io::Result<()> {
        self.before(Call::SyncFile, path)?;
        Ok(rustix::fs::fsync(file)?)
    }

    /// Makes a directory's names durable.
    pub(crate) fn sync_directory(&self, path: &Utf8Path) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(self.at(path).as_str(), flags, Mode::empty())?;
        self.flush_directory(path, &directory)
    }

    fn flush_directory(&self, path: &Utf8Path, directory: &impl AsFd) -> io::Result<()> {
        self.before(Call::SyncDirectory, path)?;
        match rustix::fs::fsync(directory) {
            // File systems that keep no directories on disk, or are read-only: there is nothing to make durable.
            Err(Errno::INVAL | Errno::ROFS) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Puts a file in another's place, in one instant.
    pub(crate) fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
        self.before(Call::Rename, to)?;
        Ok(rustix::fs::rename(self.at(from).as_str(), self.at(to).as_str())?)
    }

    /// Removes a file; `false` when it was absent.
    pub(crate) fn remove(&self, path: &Utf8Path) -> io::Result<bool> {
        self.before(Call::Remove, path)?;
        match rustix::fs::unlink(self.at(path).as_str()) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// Makes a directory with exactly these permission bits, and for this owner, under a temporary name, and makes both
    /// durable: a power cut may keep the rename that follows and lose what was set before it.
    pub(crate) fn make_directory(&self, path: &Utf8Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
        self.before(Call::MakeDirectory, path)?;
        let place = self.at(path);
        rustix::fs::mkdir(place.as_str(), Mode::RWXU)?;
        self.before(Call::SetMode, path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::open(place.as_str(), flags, Mode::empty())?;
        if let Some((uid, gid)) = owner {
            self.before(Call::SetOwner, path)?;
            rustix::fs::fchown(&directory, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        rustix::fs::fchmod(&directory, Mode::from_raw_mode(mode))?;
        self.flush_directory(path, &directory)
    }

    /// Removes a directory if it is empty; `false` when it is not, or is absent.
    pub(crate) fn remove_directory(&self, path: &Utf8Path) -> io::Result<bool> {
        self.before(Call::RemoveDirectory, path)?;
        match rustix::fs::unlinkat(rustix::fs::CWD, self.at(path).as_str(), AtFlags::REMOVEDIR) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// Whether a directory and everything in it belongs to the owner. An absent one does.
    pub(crate) fn tree_belongs_to(&self, path: &Utf8Path, owner: (u32, u32)) -> io::Result<bool> {
        match self.is_directory(path)? {
            false => Ok(true),
            true => Tree::open(self.at(path))?.belongs_to(owner),
        }
    }

    /// Gives a directory and everything in it to the owner.
    pub(crate) fn give_tree(&self, path: &Utf8Path, owner: (u32, u32)) -> io::Result<()> {
        self.before(Call::SetOwner, path)?;
        Tree::open(self.at(path))?.give_to(owner)
    }

    fn at(&self, path: &Utf8Path) -> Utf8PathBuf {
        self.root.place(path)
    }

    fn before(&self, call: Call, path: &Utf8Path) -> io::Result<()> {
        self.hook.as_ref().map_or(Ok(()), |hook| hook(call, path))
    }
}
