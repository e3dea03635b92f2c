//! Takes trees away by open directories: no link is followed, no mount is crossed, whoever swaps things meanwhile.
//!
//! A directory is opened by its parent with `openat2` and `RESOLVE_NO_XDEV`, so the kernel itself refuses what is mounted,
//! bind mounts of the same file system among it. Before Linux 5.6, and where a sandbox forbids the call, the device number
//! and the list of mounts decide.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::trees::{Cleared, Left, Target, TreeBackend, TreeError, Why};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::kernel::mounts;
use crate::root::Root;

/// Trees below one root.
pub struct HostTrees {
    root: Root,
}

impl HostTrees {
    /// Opens the tree. It is looked at only when it is used.
    pub fn new(root: Root) -> Arc<Self> {
        Arc::new(Self { root })
    }

    async fn walk(&self, target: &Target, really: bool) -> Result<Cleared, TreeError> {
        let (root, target) = (self.root.clone(), target.clone());
        let path = target.path().to_owned();
        let walked = tokio::task::spawn_blocking(move || walk(&root, &target, really)).await;
        walked.unwrap_or_else(|error| Err(TreeError::Io { doing: "walk", path, source: io::Error::other(error) }))
    }
}

#[async_trait]
impl TreeBackend for HostTrees {
    async fn resolve(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, TreeError> {
        let failed = |source| TreeError::Io { doing: "find", path: path.to_owned(), source };
        let place = self.root.resolve(path).map_err(failed)?;
        let stat = rustix::fs::lstat(self.root.place(&place).as_str());
        let there = stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
        Ok(there.then_some(place))
    }

    async fn look(&self, target: &Target) -> Result<Cleared, TreeError> {
        self.walk(target, false).await
    }

    async fn clear(&self, target: &Target) -> Result<Cleared, TreeError> {
        self.walk(target, true).await
    }
}

fn walk(root: &Root, target: &Target, really: bool) -> Result<Cleared, TreeError> {
    let path = target.path();
    let failed = |doing| {
        let path = path.to_owned();
        move |source: io::Error| TreeError::Io { doing, path, source }
    };
    // The last part of a path that is to go itself is not followed; what leads there is.
    let (directory, name) = match (target, path.parent(), path.file_name()) {
        (Target::At(_), Some(parent), Some(name)) => (parent, Some(name)),
        _ => (path, None),
    };
    let place = root.resolve(directory).map_err(failed("find"))?;
    if let Some(holds) = kubewright_node::trees::part_of_the_system(&place)
        && name.is_none()
    {
        return Err(TreeError::System { path: place, holds: holds.to_owned() });
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let top = match rustix::fs::open(root.place(&place).as_str(), flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Cleared::default()),
        opened => opened.map_err(|error| failed("open")(error.into()))?,
    };
    let mut walk = Walk { really, cleared: Cleared::default(), top: None, old_kernel: None, brought: Vec::new() };
    match name {
        Some(name) => {
            let name = CString::new(name).map_err(|error| failed("find")(error.into()))?;
            walk.entry(top.as_fd(), &name, directory, 0);
        }
        None => {
            walk.top = Some(top.as_fd().try_clone_to_owned().map_err(failed("open"))?);
            walk.contents(top.as_fd(), path, 0).map_err(failed("list"))?;
            while let Some(name) = walk.brought.pop() {
                walk.entry(top.as_fd(), &name, path, 0);
            }
        }
    }
    if really && !walk.cleared.gone.is_empty() {
        match rustix::fs::fsync(&top) {
            // File systems that keep no directories on disk: there is nothing to make durable.
            Ok(()) | Err(Errno::INVAL | Errno::ROFS) => {}
            Err(error) => return Err(failed("flush")(error.into())),
        }
    }
    Ok(walk.cleared)
}

struct Walk {
    really: bool,
    cleared: Cleared,
    /// The directory that is emptied: where trees that are too deep are brought up to.
    top: Option<OwnedFd>,
    /// The mounts of the machine, once it turned out that the kernel cannot refuse them by itself.
    old_kernel: Option<BTreeSet<Utf8PathBuf>>,
    /// Names of such trees in it, which have yet to go.
    brought: Vec<CString>,
}

/// What a name stands for.
enum Found {
    Directory(OwnedFd),
    Other,
    Mounted,
    Gone,
}

impl Walk {
    /// Goes through a directory, by name; says whether all of it is gone.
    fn contents(&mut self, directory: BorrowedFd<'_>, path: &Utf8Path, depth: usize) -> io::Result<bool> {
        let mut names: Vec<CString> = Vec::new();
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push(entry.file_name().to_owned());
            }
        }
        names.sort_unstable();
        let mut all = true;
        for name in names {
            all &= self.entry(directory, &name, path, depth);
        }
        Ok(all)
    }

    /// Takes one name of a directory; says whether it is gone.
    fn entry(&mut self, parent: BorrowedFd<'_>, name: &CStr, above: &Utf8Path, depth: usize) -> bool {
        let path = above.join(name.to_string_lossy().as_ref());
        let gone = match self.open(parent, name, &path) {
            Ok(Found::Gone) => return true,
            Ok(Found::Mounted) => return self.leave(path, Why::Mounted),
            Ok(Found::Other) => self.unlink(parent, name, AtFlags::empty()),
            Ok(Found::Directory(_)) if depth >= MAX_DEPTH => return self.too_deep(parent, name, path),
            Ok(Found::Directory(below)) => {
                let device = |fd: BorrowedFd<'_>| rustix::fs::fstat(fd).map(|stat| stat.st_dev);
                match (device(parent), device(below.as_fd())) {
                    (Ok(ours), Ok(theirs)) if ours != theirs => return self.leave(path, Why::Mounted),
                    (Err(error), _) | (_, Err(error)) => return self.refuse(path, error.into()),
                    _ => {}
                }
                match self.contents(below.as_fd(), &path, depth + 1) {
                    // Why is told of what stays inside.
                    Ok(false) => return false,
                    Ok(true) => self.unlink(parent, name, AtFlags::REMOVEDIR),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        match gone {
            Ok(()) => {
                self.cleared.gone.push(path.into_string());
                true
            }
            // A file can be a mount, too.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::BUSY) => self.leave(path, Why::Mounted),
            Err(error) => self.refuse(path, error),
        }
    }

    fn leave(&mut self, path: Utf8PathBuf, why: Why) -> bool {
        self.cleared.left.push(Left { path: path.into_string(), why });
        false
    }

    fn refuse(&mut self, path: Utf8PathBuf, error: io::Error) -> bool {
        self.leave(path, Why::Refused(error.to_string()))
    }

    fn open(&mut self, parent: BorrowedFd<'_>, name: &CStr, path: &Utf8Path) -> io::Result<Found> {
        let stat = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(Found::Gone),
            stat => stat?,
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Ok(match self.is_mounted_file(parent, name, path) {
                true => Found::Mounted,
                false => Found::Other,
            });
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if self.old_kernel.is_none() {
            let how = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
            match rustix::fs::openat2(parent, name, flags, Mode::empty(), how) {
                Ok(below) => return Ok(Found::Directory(below)),
                Err(Errno::XDEV) => return Ok(Found::Mounted),
                Err(Errno::NOENT) => return Ok(Found::Gone),
                Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Found::Other),
                Err(Errno::NOSYS | Errno::PERM) => {
                    let mounts = mounts::read()?.into_iter().map(|mount| mount.point).collect();
                    self.old_kernel = Some(mounts);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if self.old_kernel.as_ref().is_some_and(|mounts| mounts.contains(path)) {
            return Ok(Found::Mounted);
        }
        match rustix::fs::openat(parent, name, flags, Mode::empty()) {
            Ok(below) => Ok(Found::Directory(below)),
            Err(Errno::NOENT) => Ok(Found::Gone),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(Found::Other),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a file is mounted over. When it comes to it the kernel does not let such a file go; a look has to ask.
    fn is_mounted_file(&self, parent: BorrowedFd<'_>, name: &CStr, path: &Utf8Path) -> bool {
        if let Some(mounts) = &self.old_kernel {
            return mounts.contains(path);
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let how = ResolveFlags::NO_XDEV | ResolveFlags::BENEATH;
        matches!(rustix::fs::openat2(parent, name, flags, Mode::empty(), how), Err(Errno::XDEV))
    }

    fn unlink(&self, parent: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> io::Result<()> {
        if !self.really {
            return Ok(());
        }
        match rustix::fs::unlinkat(parent, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A pod may nest directories deeper than a process can hold open. Such a tree is brought up to the directory that is
    /// emptied, and goes from there.
    fn too_deep(&mut self, parent: BorrowedFd<'_>, name: &CStr, path: Utf8PathBuf) -> bool {
        if !self.really {
            self.cleared.gone.push(format!("{path} and what is in it"));
            return true;
        }
        let Some(top) = &self.top else {
            return self.refuse(path, io::Error::other(format!("it is deeper than {MAX_DEPTH} levels")));
        };
        // A run that was killed may have left one under an earlier number.
        let new_name = (0_u32..).map(|number| format!(".kubewright-too-deep-{number}")).find(|brought| {
            let taken = rustix::fs::statat(top, brought.as_str(), AtFlags::SYMLINK_NOFOLLOW);
            matches!(taken, Err(Errno::NOENT))
        });
        let Some(brought) = new_name.and_then(|brought| CString::new(brought).ok()) else { return false };
        match rustix::fs::renameat(parent, name, top, &brought) {
            Err(error) => self.refuse(path, error.into()),
            Ok(()) => {
                self.brought.push(brought);
                true
            }
        }
    }
}

/// How deep directories are held open at once. The kubelet's own are ten deep.
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests;
