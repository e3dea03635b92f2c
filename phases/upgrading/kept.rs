//! What a node keeps of the state before an upgrade, and how far the upgrade is: enough to go back without asking anybody,
//! after any death. One directory an upgrade, `/var/lib/kubewright/upgrades/NAME`, with `upgrade.json` and a copy of each
//! file under its own path. Nobody but root can look into it, since keys are among them.

use kubewright_engine::stamp;
use kubewright_node::FileBackend;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Before, Component};
use crate::prelude::*;

/// Where upgrades are kept.
pub const UPGRADES: &str = "/var/lib/kubewright/upgrades";
/// How many upgrades are kept: as long as one is, its node can go back.
pub const KEPT_UPGRADES: usize = 3;
const RECORD: &str = "upgrade.json";

/// How far an upgrade is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Pods are being replaced.
    Upgrading,
    /// The new state serves.
    Upgraded,
    /// The old state is being put back.
    GoingBack,
    /// The old state serves.
    WentBack,
}

/// One upgrade of this node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The directory's name: when it began and the two versions. Names sort by time.
    pub name: String,
    /// `upgrade apply` or `upgrade node`.
    pub command: String,
    /// How far it is.
    pub stage: Stage,
    /// The version that it goes to.
    pub to: String,
    /// What the cluster and the node said before.
    pub before: Before,
    /// What the kubelet called each manifest before, in the order of the upgrade.
    pub pods: Vec<KeptPod>,
    /// The files, in the order in which they go back.
    pub files: Vec<KeptFile>,
    /// The components that served after their part of the upgrade.
    #[serde(default)]
    pub served: Vec<Component>,
    /// The copy of etcd's data that was taken before, if one was.
    pub snapshot: Option<Utf8PathBuf>,
    /// How many members etcd had when it was taken.
    #[serde(default)]
    pub members: Option<usize>,
    /// It was agreed that the way back may put the copy back, too.
    #[serde(default)]
    pub may_restore: bool,
    /// The name under which the copy is put back, once that was decided.
    #[serde(default)]
    pub restore: Option<String>,
}

/// A static pod before the upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPod {
    /// Whose.
    pub component: Component,
    /// The kubelet's name for its manifest.
    pub hash: String,
}

/// A file before the upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Where it belongs.
    pub path: Utf8PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// The component that reads it; `None` for those of the node.
    pub component: Option<Component>,
    /// Whether it was there; one that was not is removed.
    pub was_there: bool,
}

/// A file that an upgrade may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MayChange {
    /// Where it belongs.
    pub path: Utf8PathBuf,
    /// Its permission bits.
    pub mode: Mode,
    /// The component that reads it; `None` for those of the node.
    pub component: Option<Component>,
}

impl Kept {
    /// The upgrade that was begun last, if there is one.
    ///
    /// # Errors
    /// Its record cannot be read.
    pub fn newest(files: &Files) -> Result<Option<Self>, Failure> {
        newest(files.list(UPGRADES.into())?, |path| files.read(path))
    }

    /// As [`Kept::newest`], for who changes nothing.
    ///
    /// # Errors
    /// Its record cannot be read.
    pub fn look(view: &View) -> Result<Option<Self>, Failure> {
        newest(view.list(UPGRADES.into())?, |path| view.read(path))
    }

    /// As [`Kept::newest`], for the command line.
    ///
    /// # Errors
    /// Its record cannot be read.
    pub fn on_disk(files: &dyn FileBackend) -> Result<Option<Self>, Failure> {
        newest(files.list(UPGRADES.into())?, |path| Ok(files.read(path)?))
    }

    /// The name of an upgrade that begins now.
    pub fn name(now: OffsetDateTime, from: &str, to: &str) -> String {
        format!("{}-{from}-{to}", stamp(now))
    }

    /// Its directory.
    pub fn directory(&self) -> Utf8PathBuf {
        Utf8Path::new(UPGRADES).join(&self.name)
    }

    fn place(&self, path: &Utf8Path) -> Utf8PathBuf {
        self.directory().join(path.as_str().trim_start_matches('/'))
    }

    /// Copies the files, and then writes the record: what is recorded can be put back. All of it appears before anything
    /// else is changed. Two upgrades of the same second are kept apart.
    ///
    /// # Errors
    /// A file cannot be read or copied.
    pub fn begin(&mut self, may_change: Vec<MayChange>, files: &Files) -> Result<(), Failure> {
        files.ensure_dir(UPGRADES.into(), paths::SECRET_DIR)?;
        let name = self.name.clone();
        for number in 2.. {
            if files.list(&self.directory())?.is_none() {
                break;
            }
            self.name = format!("{name}-{number}");
        }
        files.ensure_dir(&self.directory(), paths::SECRET_DIR)?;
        for MayChange { path, mode, component } in may_change {
            let contents = files.read(&path)?;
            if let Some(contents) = &contents {
                let copy = Contents::secret(contents.as_bytes());
                files.write(&self.place(&path), &copy, paths::SECRET_FILE)?;
            }
            self.files.push(KeptFile { path, mode: mode.0, component, was_there: contents.is_some() });
        }
        self.save(files)?;
        self.prune(files)
    }

    /// Makes sure that there is something to go back to, before anything is put back: what was not kept counts as absent,
    /// and would be removed.
    ///
    /// # Errors
    /// No manifest of a component was kept, or its copy is gone.
    pub fn must_hold(&self, components: impl Iterator<Item = Component>, files: &Files) -> Result<(), Failure> {
        for component in components {
            if self.read(&component.manifest(), files)?.is_none() {
                let directory = self.directory();
                return Err(Failure::new(format!(
                    "`{directory}` has no manifest of {component}; nothing was put back"
                ))
                .hint(format!("move {directory} away if that upgrade is over")));
            }
        }
        Ok(())
    }

    /// Writes how far it is, at once.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn save(&self, files: &Files) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self)?;
        files.write(&self.directory().join(RECORD), &Contents::public(text), paths::SECRET_FILE)?;
        files.publish()
    }

    /// A file as it was.
    ///
    /// # Errors
    /// The copy is gone.
    pub fn read(&self, path: &Utf8Path, files: &Files) -> Result<Option<Contents>, Failure> {
        let Some(file) = self.files.iter().find(|file| file.path == path).filter(|file| file.was_there) else {
            return Ok(None);
        };
        let place = self.place(&file.path);
        let gone = || Failure::new(format!("`{place}`, which an upgrade had kept of `{path}`, is not there"));
        files.read(&place)?.map(Some).ok_or_else(gone)
    }

    /// Puts the files of a component, or those of the node, back as they were; one that is so already is not touched.
    /// Gives what was changed.
    ///
    /// # Errors
    /// A copy is gone, or a file cannot be written.
    pub fn put_back(&self, component: Option<Component>, files: &Files) -> Result<Vec<Utf8PathBuf>, Failure> {
        let mut changed = Vec::new();
        for file in self.files.iter().filter(|file| file.component == component) {
            let old = self.read(&file.path, files)?;
            let now = files.read(&file.path)?;
            match (old, now) {
                (Some(old), Some(now)) if old.as_bytes() == now.as_bytes() => continue,
                (None, None) => continue,
                (Some(old), _) => {
                    let contents =
                        if file.mode == paths::PUBLIC_FILE.0 { Contents::public(old.as_bytes()) } else { old };
                    files.write(&file.path, &contents, Mode(file.mode))?;
                }
                (None, Some(_)) => files.remove(&file.path)?,
            }
            changed.push(file.path.clone());
        }
        Ok(changed)
    }

    /// What the kubelet called the manifest of a component.
    pub fn hash(&self, component: Component) -> Option<&str> {
        self.pods.iter().find(|pod| pod.component == component).map(|pod| pod.hash.as_str())
    }

    /// Removes upgrades beyond those that are kept, the oldest first.
    fn prune(&self, files: &Files) -> Result<(), Failure> {
        let names = files.list(UPGRADES.into())?.unwrap_or_default();
        let superfluous = names.len().saturating_sub(KEPT_UPGRADES);
        for name in names.iter().take(superfluous).filter(|name| **name != self.name) {
            let directory = Utf8Path::new(UPGRADES).join(name);
            let Some(record) = files.read(&directory.join(RECORD))? else { continue };
            let Ok(old) = serde_json::from_slice::<Self>(record.as_bytes()) else { continue };
            for file in old.files.iter().filter(|file| file.was_there) {
                files.remove(&old.place(&file.path))?;
            }
            // Last: who dies before finds it again.
            files.remove(&directory.join(RECORD))?;
        }
        Ok(())
    }
}

fn newest(
    names: Option<Vec<String>>,
    read: impl Fn(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<Option<Kept>, Failure> {
    for name in names.unwrap_or_default().iter().rev() {
        let path = Utf8Path::new(UPGRADES).join(name).join(RECORD);
        // A directory without one is of an upgrade that had changed nothing yet, or of one that is kept no longer.
        let Some(record) = read(&path)? else { continue };
        let kept = serde_json::from_slice(record.as_bytes()).context(format!("cannot read `{path}`"));
        return kept.map(Some).hint(format!("move {} away if that upgrade is over", path.parent().unwrap_or(&path)));
    }
    Ok(None)
}

/// A file of the node that an upgrade may replace; the owner stays whose it is.
pub(crate) fn of_node(path: impl Into<Utf8PathBuf>, mode: Mode) -> MayChange {
    MayChange { path: path.into(), mode, component: None }
}

#[cfg(test)]
#[path = "kept/tests.rs"]
mod tests;
