//! A directory tree as data: looked at, and put somewhere else.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

/// Everything below a directory, by its path from there.
pub type Tree = BTreeMap<String, Entry>;

/// A file or a directory.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Permission bits.
    pub mode: u32,
    /// User and group.
    pub owner: (u32, u32),
    /// `None` for a directory.
    pub bytes: Option<Vec<u8>>,
}

impl std::fmt::Debug for Entry {
    /// Without the bytes, which may be keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = self.bytes.as_ref().map_or_else(|| "directory".into(), |bytes| format!("{} bytes", bytes.len()));
        write!(f, "{:04o} of {:?}, {length}", self.mode, self.owner)
    }
}

impl Entry {
    /// What stands at a place, without what is below it.
    pub fn of(place: &Path) -> std::io::Result<Self> {
        let found = fs::symlink_metadata(place)?;
        assert!(!found.is_symlink(), "{} is a link", place.display());
        let bytes = if found.is_dir() { None } else { Some(fs::read(place)?) };
        Ok(Self { mode: found.permissions().mode() & 0o7777, owner: (found.uid(), found.gid()), bytes })
    }
}

/// Looks at everything below a directory.
pub fn read(base: &Path) -> Tree {
    fn walk(base: &Path, directory: &Path, tree: &mut Tree) {
        for found in fs::read_dir(directory).unwrap() {
            let place = found.unwrap().path();
            let entry = Entry::of(&place).unwrap();
            let directory = entry.bytes.is_none();
            tree.insert(place.strip_prefix(base).unwrap().to_str().unwrap().to_owned(), entry);
            if directory {
                walk(base, &place, tree);
            }
        }
    }
    let mut tree = Tree::new();
    walk(base, base, &mut tree);
    tree
}

/// Puts everything below a directory that is empty.
pub fn write(tree: &Tree, base: &Path) {
    for (path, entry) in tree {
        let place = base.join(path);
        match &entry.bytes {
            Some(bytes) => fs::write(&place, bytes).unwrap(),
            None => fs::create_dir(&place).unwrap(),
        }
        let found = fs::symlink_metadata(&place).unwrap();
        if (found.uid(), found.gid()) != entry.owner {
            chown(&place, Some(entry.owner.0), Some(entry.owner.1)).unwrap();
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(entry.mode)).unwrap();
    }
}
