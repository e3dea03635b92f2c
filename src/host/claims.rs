//! Who writes which path right now. Two phases that run at the same time and write one path are a mistake in the graph.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::FileError;

/// Numbers a session within its backend.
pub(crate) type SessionId = u64;

/// The paths of all open sessions of one backend.
#[derive(Default)]
pub(crate) struct Claims {
    next: AtomicU64,
    holders: Mutex<HashMap<Utf8PathBuf, SessionId>>,
}

impl Claims {
    /// A number that no other session has.
    pub(crate) fn new_session(&self) -> SessionId {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes the path until the session is released.
    pub(crate) fn claim(&self, path: &Utf8Path, session: SessionId) -> Result<(), FileError> {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        match *holders.entry(path.to_owned()).or_insert(session) == session {
            true => Ok(()),
            false => Err(FileError::Contended { path: path.to_owned() }),
        }
    }

    /// Gives back all that the session took.
    pub(crate) fn release(&self, session: SessionId) {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, holder| *holder != session);
    }
}
