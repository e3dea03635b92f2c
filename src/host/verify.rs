//! Looks whether files still are as a run promised them. Changes nothing.

use camino::Utf8PathBuf;
use kubewright_engine::Promise;
use kubewright_node::FileError;

use crate::files::HostFiles;
use crate::shared::digest;

/// A file that is not as it was promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The phase that promised it.
    pub phase: String,
    /// The file.
    pub path: Utf8PathBuf,
    /// What became of it.
    pub damage: Damage,
}

/// What became of a file that was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It is not there any more.
    Gone,
    /// Something else stands there.
    Changed,
    /// It had been removed and is there again.
    Back,
}

impl HostFiles {
    /// The promised files that are not as promised, in the order of the promises. Modes and owners are not compared: who
    /// changed only them changed nothing that a run would make anew.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn broken(&self, promised: &[Promise]) -> Result<Vec<Broken>, FileError> {
        let mut broken = Vec::new();
        for Promise { phase, path, digest: promise } in promised {
            let now = match self.shared().found(path) {
                Ok(found) => found.map(|found| digest(&found.bytes)),
                Err(FileError::NotAFile { .. } | FileError::TooLarge { .. }) => {
                    broken.push(Broken { phase: phase.clone(), path: path.clone(), damage: Damage::Changed });
                    continue;
                }
                Err(error) => return Err(error),
            };
            let damage = match (&now, promise) {
                (now, promise) if *now == *promise => continue,
                (None, _) => Damage::Gone,
                (Some(_), None) => Damage::Back,
                (Some(_), Some(_)) => Damage::Changed,
            };
            broken.push(Broken { phase: phase.clone(), path: path.clone(), damage });
        }
        Ok(broken)
    }
}

#[cfg(test)]
mod tests;
