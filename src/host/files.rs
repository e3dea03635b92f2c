//! Files on this machine, changed in transactions: where sessions come from, and reading outside of them.
//!
//! A phase's files are *staged* beside their targets, *sealed* (all bytes and names durable, then one durable record) and
//! *published* by rename. A process that dies before the seal leaves files as they were, after it the next command
//! finishes them ([`HostFiles::recover`]). Several renames are not one instant: whole or not at all is promised for one
//! file, finished or undone for a phase. Between the last look at a target and its rename there is a moment in which
//! somebody else's edit would be lost; no file system offers to close it.

use std::sync::Arc;

use camino::Utf8Path;
use kubewright_engine::EffectLog;
use kubewright_node::{Contents, FileBackend, FileError, FileSession};

use crate::disk::Disk;
use crate::root::Root;
use crate::session::HostSession;
use crate::shared::{Shared, contents};

/// The files of one directory tree.
pub struct HostFiles {
    shared: Arc<Shared>,
}

impl HostFiles {
    /// Opens the tree. It is looked at only when it is used.
    pub fn new(root: Root) -> Arc<Self> {
        Self::on(Disk::new(root))
    }

    pub(crate) fn on(disk: Disk) -> Arc<Self> {
        let (claims, directories, tidied) = Default::default();
        Arc::new(Self { shared: Arc::new(Shared { disk, claims, directories, tidied }) })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl FileBackend for HostFiles {
    fn begin(&self, log: EffectLog) -> Arc<dyn FileSession> {
        Arc::new(HostSession::new(Arc::clone(&self.shared), log))
    }

    fn read(&self, path: &Utf8Path) -> Result<Option<Contents>, FileError> {
        let target = self.shared.resolve(path)?;
        Ok(self.shared.found(&target)?.map(contents))
    }

    fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, FileError> {
        self.shared.list(path)
    }
}

#[cfg(test)]
mod tests;
