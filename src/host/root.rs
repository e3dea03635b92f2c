//! One directory tree as the place of all files: `/` on a real machine, a temporary directory in tests.
//!
//! Symbolic links are followed inside the tree, the last component's too: who moved `admin.conf` elsewhere and left a
//! link keeps the link, as with kubeadm, and the file is replaced whole where it really is. A link that belongs to
//! neither root nor us is not followed, since whoever made it could choose what we overwrite.

use std::collections::VecDeque;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::io::Errno;

/// A directory tree; paths given to it are absolute and mean places in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    dir: Utf8PathBuf,
}

impl Root {
    /// The whole machine.
    pub fn system() -> Self {
        Self::at("/")
    }

    /// The tree under a directory.
    pub fn at(dir: impl Into<Utf8PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Where a path of the tree is on this machine. Links are not looked at.
    pub fn place(&self, path: &Utf8Path) -> Utf8PathBuf {
        self.dir.join(path.as_str().trim_start_matches('/'))
    }

    /// Follows every link within the tree. What does not exist yet is taken as it stands.
    pub(crate) fn resolve(&self, path: &Utf8Path) -> io::Result<Utf8PathBuf> {
        if !path.is_absolute() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is not absolute"));
        }
        let mut parts: VecDeque<String> = path.as_str().split('/').map(str::to_owned).collect();
        let mut at = Utf8PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = parts.pop_front() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    at.pop();
                    continue;
                }
                _ => at.push(&part),
            }
            let place = self.place(&at);
            let target = match rustix::fs::readlink(place.as_str(), Vec::new()) {
                // EINVAL: it is no link. The others show up again, with their context, when the file is used.
                Err(Errno::INVAL | Errno::NOENT | Errno::NOTDIR) => continue,
                other => other?,
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP.into());
            }
            let owner = rustix::fs::lstat(place.as_str())?.st_uid;
            if owner != 0 && owner != rustix::process::geteuid().as_raw() {
                let why = format!("`{at}` is a symbolic link that belongs to the user {owner}, so it is not followed");
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            let target = target.into_string().map_err(|_| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("`{at}` is a symbolic link to a path that is not UTF-8"),
                )
            })?;
            match target.starts_with('/') {
                true => at = Utf8PathBuf::from("/"),
                false => {
                    at.pop();
                }
            }
            for part in target.split('/').rev() {
                parts.push_front(part.to_owned());
            }
        }
        Ok(at)
    }
}

/// As many as the kernel follows.
const MAX_LINKS: usize = 40;

#[cfg(test)]
mod tests;
