//! Putting a copy back: etcd's own tool makes new data from it beside the old, and one rename each takes the old away and
//! brings the new. Everything happens inside the data directory, which may be a mount that cannot be renamed itself.

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Effect, Failure, FailureContext, FailureKind};

use super::{Snapshots, mebibytes, needed};

/// One copy on its way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutBack {
    /// etcd's data directory, in which it has `member`.
    pub data_dir: Utf8PathBuf,
    /// What tells it from others; it is in the new data too.
    pub name: String,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutBackStage {
    /// There is no whole new data.
    Begun,
    /// New data is whole, and has yet to come to its place.
    Made,
    /// It is in its place.
    InPlace,
}

impl PutBack {
    /// Where it works, in the data directory.
    pub fn directory(&self) -> Utf8PathBuf {
        self.data_dir.join(self.folder())
    }

    /// The same, below the data directory.
    pub fn folder(&self) -> String {
        format!("restore-{}", self.name)
    }

    /// What etcd's tool makes: a data directory of its own.
    pub fn making(&self) -> Utf8PathBuf {
        self.directory().join("making")
    }

    /// The same, once it is whole.
    pub fn whole(&self) -> Utf8PathBuf {
        self.directory().join("made")
    }
}

impl Snapshots {
    /// How far a copy is on its way back, as the disk says.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn stage(&self, back: &PutBack) -> Result<PutBackStage, Failure> {
        self.disk.stage(back).context(format!("cannot look into `{}`", back.data_dir))
    }

    /// Makes sure that new data has room beside the old.
    ///
    /// # Errors
    /// It has not, or the copy is not there.
    pub fn must_have_room(&self, snapshot: &Utf8Path, data_dir: &Utf8Path) -> Result<(), Failure> {
        let (directory, name) = (snapshot.parent().unwrap_or("/".into()), snapshot.file_name().unwrap_or_default());
        let kept = self.disk.kept(directory).context(format!("cannot list `{directory}`"))?;
        let size = kept.iter().find(|kept| kept.name == name).map_or(0, |kept| kept.bytes);
        let free = self.disk.free(data_dir).context(format!("cannot ask for the room in `{data_dir}`"))?;
        match free < needed(size) {
            false => Ok(()),
            true => Err(Failure::new(format!(
                "new data of etcd needs {} MiB beside the old in `{data_dir}`, and {} MiB are free",
                mebibytes(needed(size)),
                mebibytes(free)
            ))
            .kind(FailureKind::Preflight)
            .hint(format!("make room in `{data_dir}`, then run the same command again"))),
        }
    }

    /// Makes room for new data beside the old: what was half made is removed.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn prepare(&self, back: &PutBack) -> Result<(), Failure> {
        let (disk, wish) = (self.disk.clone(), back.clone());
        let effect = Effect::new("mkdir", back.directory().as_str());
        self.outward
            .perform(effect, async { tokio::task::spawn_blocking(move || disk.prepare(&wish)).await? })
            .await
            .context(format!("cannot make room for new data in `{}`", back.directory()))
    }

    /// Takes what etcd's tool has made for whole.
    ///
    /// # Errors
    /// It has made nothing, or the disk refuses.
    pub async fn made(&self, back: &PutBack) -> Result<(), Failure> {
        let (disk, wish) = (self.disk.clone(), back.clone());
        let effect = Effect::new("rename", back.whole().as_str());
        self.outward
            .perform(effect, async { tokio::task::spawn_blocking(move || disk.made(&wish)).await? })
            .await
            .context(format!("cannot keep the new data in `{}`", back.directory()))
    }

    /// Moves the old data aside and the new to its place. Says where the old is, if there was some.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn put_in_place(&self, back: &PutBack) -> Result<Option<Utf8PathBuf>, Failure> {
        let (disk, wish) = (self.disk.clone(), back.clone());
        let effect = Effect::new("rename", back.data_dir.join("member"));
        self.outward
            .perform(effect, async { tokio::task::spawn_blocking(move || disk.put_in_place(&wish)).await? })
            .await
            .context(format!("cannot put the new data into `{}`", back.data_dir))
    }
}
