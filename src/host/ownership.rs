//! Who a whole directory belongs to. Goes down by open directories and never through a link: whoever may write in there
//! could otherwise choose what is given away.

use std::io;
use std::os::fd::OwnedFd;

use camino::Utf8PathBuf;
use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

/// An open directory.
pub(crate) struct Tree(OwnedFd);

impl Tree {
    /// Opens it; a link is none.
    pub(crate) fn open(path: Utf8PathBuf) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path.as_str(), FLAGS, Mode::empty())?))
    }

    /// Whether it and everything in it belongs to the owner.
    pub(crate) fn belongs_to(&self, owner: (u32, u32)) -> io::Result<bool> {
        let stat = rustix::fs::fstat(&self.0)?;
        if (stat.st_uid, stat.st_gid) != owner {
            return Ok(false);
        }
        let mut all = true;
        self.each(|name, below| {
            all &= match below {
                Some(below) => below.belongs_to(owner)?,
                None => match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Err(Errno::NOENT) => true,
                    stat => stat.map(|stat| (stat.st_uid, stat.st_gid) == owner)?,
                },
            };
            Ok(())
        })?;
        Ok(all)
    }

    /// Gives it and everything in it to the owner, itself last: what was interrupted is seen.
    pub(crate) fn give_to(&self, owner: (u32, u32)) -> io::Result<()> {
        let (uid, gid) = (Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)));
        self.each(|name, below| match below {
            Some(below) => below.give_to(owner),
            None => match rustix::fs::chownat(&self.0, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => Ok(()),
                given => Ok(given?),
            },
        })?;
        Ok(rustix::fs::fchown(&self.0, uid, gid)?)
    }

    /// Visits what is in it; directories come opened.
    fn each(&self, mut visit: impl FnMut(&std::ffi::CStr, Option<Self>) -> io::Result<()>) -> io::Result<()> {
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let directory = match entry.file_type() {
                FileType::Directory | FileType::Unknown => {
                    match rustix::fs::openat(&self.0, name, FLAGS, Mode::empty()) {
                        Err(Errno::NOTDIR | Errno::LOOP) => None,
                        Err(Errno::NOENT) => continue,
                        opened => Some(Self(opened?)),
                    }
                }
                _ => None,
            };
            visit(name, directory)?;
        }
        Ok(())
    }
}

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
