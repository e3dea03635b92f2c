//! The system calls that change something outside of the program: files, connections, other programs.

use std::fmt;

/// One call, as it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name in the kernel.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
}

/// What a call does. Paths are the machine's, whatever root and working directory the program has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Opens a file that may not be there, or empties it.
    Open {
        /// The file.
        path: String,
        /// Whether what is in it goes.
        truncate: bool,
    },
    /// Writes into a file.
    Write {
        /// The file.
        path: String,
        /// Where the first byte goes.
        at: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Sets the length of a file.
    Truncate {
        /// The file.
        path: String,
        /// The length in bytes.
        length: u64,
    },
    /// Changes permissions, owner or times.
    Attributes {
        /// The file or directory.
        path: String,
    },
    /// Makes a file, or the names in a directory, durable.
    Sync {
        /// The file or directory.
        path: String,
    },
    /// Makes a directory.
    MakeDirectory {
        /// The directory.
        path: String,
    },
    /// Gives a file or directory another name.
    Rename {
        /// Its name.
        from: String,
        /// Its name afterwards.
        to: String,
    },
    /// Removes a name.
    Remove {
        /// The name.
        path: String,
    },
    /// Anything else that changes files: links, mounts, nodes, extended attributes.
    Other {
        /// What it is done to.
        path: String,
    },
    /// Connects to somebody, or sends something.
    Send {
        /// To whom.
        peer: String,
    },
    /// Starts a program, or sends a signal to one.
    Process,
}

impl Call {
    /// The file that it is about, or whom it talks to.
    pub fn object(&self) -> &str {
        match &self.kind {
            Kind::Open { path, .. }
            | Kind::Write { path, .. }
            | Kind::Truncate { path, .. }
            | Kind::Attributes { path }
            | Kind::Sync { path }
            | Kind::MakeDirectory { path }
            | Kind::Remove { path }
            | Kind::Other { path }
            | Kind::Rename { to: path, .. } => path,
            Kind::Send { peer } => peer,
            Kind::Process => "another process",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.object())
    }
}
