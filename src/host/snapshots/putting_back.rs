//! The disk's part of putting a copy back: new data appears whole or not at all, the old is moved aside and never removed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::snapshots::{PutBack, PutBackStage};

use super::sync_directory;

/// What etcd has in its data directory.
const MEMBER: &str = "member";
/// The file in it that says which copy it was made from. etcd looks only at what it knows.
const MARK: &str = "kubewright-restore";
/// What the old data is called where it is moved to.
const BEFORE: &str = "before";

/// The paths of one copy on its way back, on this machine.
pub(super) struct Places {
    name: String,
    data_dir: Utf8PathBuf,
    directory: Utf8PathBuf,
    making: Utf8PathBuf,
    whole: Utf8PathBuf,
}

impl Places {
    pub(super) fn of(back: &PutBack) -> Self {
        let (name, data_dir) = (back.name.clone(), back.data_dir.clone());
        Self { name, data_dir, directory: back.directory(), making: back.making(), whole: back.whole() }
    }

    fn member(&self) -> Utf8PathBuf {
        self.data_dir.join(MEMBER)
    }

    /// Whether data was made from this copy.
    fn is_ours(&self, member: &Utf8Path) -> io::Result<bool> {
        match fs::read_to_string(member.join(MARK)) {
            Ok(name) => Ok(name == self.name),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn stage(&self) -> io::Result<PutBackStage> {
        Ok(match (self.is_ours(&self.member())?, self.is_ours(&self.whole.join(MEMBER))?) {
            (true, _) => PutBackStage::InPlace,
            (false, true) => PutBackStage::Made,
            (false, false) => PutBackStage::Begun,
        })
    }

    pub(super) fn prepare(&self) -> io::Result<()> {
        let known = self.data_dir.exists();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        match fs::remove_dir_all(&self.making) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let (false, Some(parent)) = (known, self.data_dir.parent()) {
            sync_directory(parent)?;
        }
        sync_directory(&self.data_dir)
    }

    pub(super) fn made(&self) -> io::Result<()> {
        let member = self.making.join(MEMBER);
        let mut mark = File::options().write(true).create(true).truncate(true).mode(0o600).open(member.join(MARK))?;
        mark.write_all(self.name.as_bytes())?;
        let owner = fs::metadata(&self.data_dir)?;
        settle(&self.making, (owner.uid(), owner.gid()))?;
        fs::rename(&self.making, &self.whole)?;
        sync_directory(&self.directory)
    }

    /// Gives the name of the old data.
    pub(super) fn put_in_place(&self) -> io::Result<Option<String>> {
        let (member, whole) = (self.member(), self.whole.join(MEMBER));
        if !self.is_ours(&member)? {
            if !self.is_ours(&whole)? {
                return Err(io::Error::new(io::ErrorKind::NotFound, format!("`{whole}` is not there")));
            }
            // Somebody may have started etcd between a move that was done and the one that was not.
            if member.symlink_metadata().is_ok() {
                fs::rename(&member, self.directory.join(self.free_name()))?;
                sync_directory(&self.directory)?;
            }
            fs::rename(&whole, &member)?;
        }
        // In any case: who died after the renames had not flushed them.
        for directory in [&self.data_dir, &self.directory] {
            sync_directory(directory)?;
        }
        Ok(self.taken_names().next())
    }

    fn taken_names(&self) -> impl Iterator<Item = String> {
        names().take_while(|name| self.directory.join(name).symlink_metadata().is_ok())
    }

    fn free_name(&self) -> String {
        names().find(|name| self.directory.join(name).symlink_metadata().is_err()).unwrap_or_default()
    }
}

/// `before`, `before-2`, ….
fn names() -> impl Iterator<Item = String> {
    (1_u32..).map(|number| if number == 1 { BEFORE.to_owned() } else { format!("{BEFORE}-{number}") })
}

/// Gives a tree to its owner and flushes all of it, what is in a directory before the directory.
fn settle(path: &Utf8Path, (user, group): (u32, u32)) -> io::Result<()> {
    let found = path.symlink_metadata()?;
    if (found.uid(), found.gid()) != (user, group) {
        std::os::unix::fs::lchown(path, Some(user), Some(group))?;
    }
    if found.is_dir() {
        for entry in path.read_dir_utf8()? {
            settle(entry?.path(), (user, group))?;
        }
    }
    match found.is_symlink() {
        true => Ok(()),
        false => File::open(path)?.sync_all(),
    }
}

#[cfg(test)]
mod tests;
