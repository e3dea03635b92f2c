//! Where the lab keeps things: a cache that all clones of the repository share, and one directory of state per lab.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::error::{LabError, Result};

/// The lab's cache, outside the repository: `$KUBEWRIGHT_LAB`, or `~/.cache/kubewright-lab`.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Finds the cache; nothing is made yet.
    ///
    /// # Errors
    /// When neither `KUBEWRIGHT_LAB` nor `HOME` is set.
    pub fn find() -> Result<Self> {
        if let Some(root) = std::env::var_os("KUBEWRIGHT_LAB") {
            return Ok(Self { root: root.into() });
        }
        let home = std::env::var_os("HOME")
            .ok_or_else(|| LabError::missing("no home directory", "set HOME or KUBEWRIGHT_LAB"))?;
        Ok(Self { root: Path::new(&home).join(".cache/kubewright-lab") })
    }

    /// The source, the Go caches and the binaries of the Kubernetes that the lab builds.
    pub fn kubernetes(&self) -> PathBuf {
        self.root.join("kubernetes")
    }

    /// Packed images, each under the digest of what it holds.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Programs that the tests need and Debian does not carry.
    pub fn tools(&self) -> PathBuf {
        self.root.join("tools")
    }

    /// The state of one lab: its nodes, each with its files and logs.
    pub(crate) fn lab(&self, name: &str) -> PathBuf {
        self.root.join("labs").join(name)
    }

    /// Mount points that the lab had to make on the machine, to be taken away with the last node.
    pub(crate) fn mount_points(&self) -> PathBuf {
        self.root.join("mount-points")
    }

    /// Takes the lock of that name and holds it until the file is dropped; waits for another holder, and says so.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let path = self.root.join("locks").join(name);
        let file = create(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                crate::say::step(&format!("waiting for another lab process ({name})"));
                file.lock().map_err(LabError::file("lock", &path))?;
                Ok(file)
            }
            Err(fs::TryLockError::Error(source)) => Err(LabError::file("lock", &path)(source)),
        }
    }
}

/// Makes a directory and its parents.
pub(crate) fn make_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(LabError::file("make directory", path))
}

/// Opens a file for writing, made if need be with its parents, its content left as it is.
pub(crate) fn create(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    File::options().create(true).append(true).open(path).map_err(LabError::file("open", path))
}

/// Writes a whole file, made if need be with its parents.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    fs::write(path, content).map_err(LabError::file("write", path))
}

/// Reads a text file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LabError::file("read", path)(source)),
    }
}

/// Removes a file or a tree; absent is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LabError::file("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Empties a directory and leaves the directory itself.
pub(crate) fn empty(path: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    entries.flatten().try_for_each(|entry| remove(&entry.path()))
}
