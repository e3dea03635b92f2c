//! Files as a phase meets them: read, write, make a directory, remove. What is written appears whole or not at all.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Capability, EffectLog, Failure, JournalError};
use zeroize::Zeroizing;

use crate::{Node, NodeSession};

/// The most that a phase reads of one file, in bytes. Certificates, kubeconfigs and manifests are far below it; more is
/// a mistake or an attack.
pub const MAX_FILE_BYTES: usize = 3 * 1024 * 1024;

/// Permission bits, such as `Mode(0o600)`. They are set exactly; the umask takes nothing away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

/// Who a file or directory belongs to, by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user's id.
    pub user: u32,
    /// The group's id.
    pub group: u32,
}

/// What a file holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Contents {
    /// Anybody may see it.
    Public(Bytes),
    /// Nobody may; wiped from memory when dropped.
    Secret(Zeroizing<Vec<u8>>),
}

impl Contents {
    /// Contents that anybody may see.
    pub fn public(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Public(Bytes::from(bytes.into()))
    }

    /// Contents that nobody may see.
    pub fn secret(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Secret(Zeroizing::new(bytes.into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Public(bytes) => bytes,
            Self::Secret(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public(bytes) => write!(f, "Public({} bytes)", bytes.len()),
            Self::Secret(bytes) => write!(f, "Secret({} bytes)", bytes.len()),
        }
    }
}

/// Why a file could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// An I/O call failed.
    #[error("cannot {doing} `{path}`")]
    Io {
        /// `read`, `write`, `make the directory`, `remove`, ….
        doing: &'static str,
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It holds more than [`MAX_FILE_BYTES`].
    #[error("`{path}` is larger than {MAX_FILE_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: Utf8PathBuf,
    },
    /// Somebody else changed it between our look and our write.
    #[error("`{path}` was changed by somebody else while kubewright was about to replace it")]
    ChangedMeanwhile {
        /// The file.
        path: Utf8PathBuf,
    },
    /// Two phases that run at the same time want the same path: a bug of kubewright.
    #[error("two phases write `{path}` at the same time")]
    Contended {
        /// The file.
        path: Utf8PathBuf,
    },
    /// Neither a file nor absent: a directory, a socket, a device.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// The path.
        path: Utf8PathBuf,
    },
    /// The session was committed or rolled back already.
    #[error("the phase that writes `{path}` has ended already")]
    Closed {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The journal could not be written, so nothing may be changed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The changes that one phase makes to files. Shared by its handles, hence `&self`.
pub trait FileSession: Send + Sync {
    /// Reads a file; sees what this session wrote. `None` when it is absent.
    fn read(&self, path: &Utf8Path) -> Result<Option<Contents>, FileError>;

    /// The permission bits of a file; sees what this session wrote. `None` when it is absent.
    fn mode(&self, path: &Utf8Path) -> Result<Option<Mode>, FileError>;

    /// The names in a directory, sorted, without what is staged; `None` when it is absent.
    fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, FileError>;

    /// Stages a file. The same bytes and mode as what stands there change nothing. Missing parent directories are made
    /// with mode 0755.
    fn write(&self, path: &Utf8Path, contents: &Contents, mode: Mode) -> Result<(), FileError>;

    /// As [`FileSession::write`], for a file that is to belong to somebody. `write` leaves the owner as it is, which is
    /// whoever runs the program for a new file.
    fn write_owned(&self, path: &Utf8Path, contents: &Contents, mode: Mode, owner: Owner) -> Result<(), FileError>;

    /// Makes a directory and its missing parents; an existing one keeps its mode.
    fn ensure_dir(&self, path: &Utf8Path, mode: Mode) -> Result<(), FileError>;

    /// As [`FileSession::ensure_dir`]; the directory and everything that is in it belongs to the owner. What is there
    /// already is given away at once, like any outward effect: it is too much to be kept twice.
    fn ensure_owned_dir(&self, path: &Utf8Path, mode: Mode, owner: Owner) -> Result<(), FileError>;

    /// Stages the removal of a file; an absent one changes nothing.
    fn remove(&self, path: &Utf8Path) -> Result<(), FileError>;

    /// Seals and publishes what was staged so far. Called before every outward effect and by `commit`.
    fn publish(&self) -> Result<(), FileError>;

    /// Publishes the rest and closes the session.
    fn commit(&self) -> Result<(), FileError>;

    /// Whether publishing failed between two files: some stand in their places, and the rest can only follow.
    fn halfway(&self) -> bool {
        false
    }

    /// Drops what was not published and closes the session, but keeps what is halfway. Published files of a failed phase stay: the phase finds
    /// them when it runs again.
    fn roll_back(&self) -> Result<(), FileError>;
}

/// Where file sessions come from: the machine, or an overlay that keeps everything in memory.
pub trait FileBackend: Send + Sync {
    /// Opens the session of one phase.
    fn begin(&self, log: EffectLog) -> Arc<dyn FileSession>;

    /// Reads a file outside any session. `None` when it is absent.
    fn read(&self, path: &Utf8Path) -> Result<Option<Contents>, FileError>;

    /// The names in a directory, sorted; `None` when it is absent.
    fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, FileError>;
}

/// The power to change files.
pub struct Files {
    session: Arc<dyn FileSession>,
}

impl Capability<Node> for Files {
    const NAME: &'static str = "files";

    fn of(session: &NodeSession) -> Self {
        Self { session: Arc::clone(&session.files) }
    }
}

impl Files {
    /// Reads a file; sees what this phase wrote. `None` when it is absent.
    pub fn read(&self, path: &Utf8Path) -> Result<Option<Contents>, Failure> {
        Ok(self.session.read(path)?)
    }

    /// The names in a directory, sorted, without what this phase has not published; `None` when it is absent.
    pub fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, Failure> {
        Ok(self.session.list(path)?)
    }

    /// Writes a file whole; it appears under its name when the phase ends or before its first outward effect.
    pub fn write(&self, path: &Utf8Path, contents: &Contents, mode: Mode) -> Result<(), Failure> {
        Ok(self.session.write(path, contents, mode)?)
    }

    /// Writes a file whole in the place of an old one, which keeps its permission bits and its owner; `mode` is a new one's.
    pub fn rewrite(&self, path: &Utf8Path, contents: &Contents, mode: Mode) -> Result<(), Failure> {
        let mode = self.session.mode(path)?.unwrap_or(mode);
        Ok(self.session.write(path, contents, mode)?)
    }

    /// Makes what was written so far appear, for somebody outside who waits for it.
    pub fn publish(&self) -> Result<(), Failure> {
        Ok(self.session.publish()?)
    }

    /// Makes a directory and its missing parents; an existing one keeps its mode.
    pub fn ensure_dir(&self, path: &Utf8Path, mode: Mode) -> Result<(), Failure> {
        Ok(self.session.ensure_dir(path, mode)?)
    }

    /// Gives an existing file to somebody, with just this mode. What it holds stays, and counts as secret: a key that
    /// more than its owner may read looks public, and is told to nobody all the same.
    ///
    /// # Errors
    /// It is not there.
    pub fn give(&self, path: &Utf8Path, mode: Mode, owner: Owner) -> Result<(), Failure> {
        let contents = self.read(path)?.ok_or_else(|| Failure::new(format!("`{path}` is not there")))?;
        Ok(self.session.write_owned(path, &Contents::secret(contents.as_bytes()), mode, owner)?)
    }

    /// Makes a directory that belongs, with all that is in it, to somebody.
    pub fn ensure_owned_dir(&self, path: &Utf8Path, mode: Mode, owner: Owner) -> Result<(), Failure> {
        Ok(self.session.ensure_owned_dir(path, mode, owner)?)
    }

    /// Removes a file; an absent one changes nothing.
    pub fn remove(&self, path: &Utf8Path) -> Result<(), Failure> {
        Ok(self.session.remove(path)?)
    }
}
