//! Copies of etcd's data as a phase meets them: asked for through etcd's own API, checked, kept up to a limit, and put back.
//! Never a copy of the directory that a running etcd writes to.

mod putting_back;

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Capability, Effect, Failure, FailureContext, FailureKind, Report};

use crate::etcd::{EtcdAccess, EtcdBackend};
use crate::outward::Outward;
use crate::{Node, NodeSession};

pub use putting_back::{PutBack, PutBackStage};

/// How many copies are kept, and how many bytes all of them may take. The newest is kept whatever it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The most copies.
    pub count: usize,
    /// The most bytes.
    pub bytes: u64,
}

/// A copy that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The file's name; names sort by their age.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// A copy while it is being written. It appears under its name when it is whole, or not at all.
pub trait SnapshotFile: Send {
    /// Adds what came.
    ///
    /// # Errors
    /// The disk does not take it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Compares the SHA-256 digest that etcd sends at the end with what came, makes all durable, and gives the file its
    /// name. Gives its size.
    ///
    /// # Errors
    /// The digest is another, or the disk does not take it.
    fn finish(self: Box<Self>) -> io::Result<u64>;
}

/// Where copies are kept.
#[async_trait]
pub trait SnapshotBackend: Send + Sync {
    /// The bytes that may still be written where the directory is, or will be.
    fn free(&self, directory: &Utf8Path) -> io::Result<u64>;
    /// The copies in a directory, the oldest first; none if it is absent.
    fn kept(&self, directory: &Utf8Path) -> io::Result<Vec<Kept>>;
    /// Begins a copy, for nobody but root to read; what an earlier one of the same name left unfinished is removed.
    fn create(&self, path: &Utf8Path) -> io::Result<Box<dyn SnapshotFile>>;
    /// Reads a whole copy, compares its digest, and gives that in hexadecimal.
    async fn check(&self, path: &Utf8Path) -> io::Result<String>;
    /// Removes a copy.
    fn remove(&self, path: &Utf8Path) -> io::Result<()>;
    /// How far a copy is on its way back, as the disk says.
    fn stage(&self, back: &PutBack) -> io::Result<PutBackStage>;
    /// Makes room for new data beside the old: what was half made is removed. etcd's tool writes to [`PutBack::making`],
    /// which is absent then.
    fn prepare(&self, back: &PutBack) -> io::Result<()>;
    /// Takes what etcd's tool has made for whole: it is given to the owner of the data directory, marked, and durable.
    fn made(&self, back: &PutBack) -> io::Result<()>;
    /// Moves the old data aside and the new to its place, by renames, and makes that durable. Says where the old is, if
    /// there was some. May be repeated after whatever stopped it.
    fn put_in_place(&self, back: &PutBack) -> io::Result<Option<Utf8PathBuf>>;
}

/// The power to take copies of etcd's data.
pub struct Snapshots {
    etcd: Arc<dyn EtcdBackend>,
    disk: Arc<dyn SnapshotBackend>,
    outward: Outward,
}

impl Capability<Node> for Snapshots {
    const NAME: &'static str = "snapshots";

    fn of(session: &NodeSession) -> Self {
        let (etcd, disk) = (Arc::clone(&session.backends.etcd), Arc::clone(&session.backends.snapshots));
        Self { etcd, disk, outward: Outward::of(session) }
    }
}

/// A copy that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it is.
    pub path: Utf8PathBuf,
    /// Its size.
    pub bytes: u64,
}

impl Snapshots {
    /// Takes a copy of what the member at one client URL holds, and then removes older ones beyond the limit.
    ///
    /// # Errors
    /// The member does not answer, there is no room for the copy, it did not arrive whole, or the disk refuses it.
    pub async fn save(
        &self,
        access: &EtcdAccess,
        client_url: &str,
        path: &Utf8Path,
        keep: Retention,
        report: &Report,
    ) -> Result<Snapshot, Failure> {
        let directory = path.parent().unwrap_or(Utf8Path::new("/"));
        let size = self.etcd.status(access, client_url).await.context("cannot ask etcd for the size of its data")?;
        let needed = needed(size.db_size);
        let free = self.disk.free(directory).context(format!("cannot ask for the room in `{directory}`"))?;
        if free < needed {
            let (free, needed) = (mebibytes(free), mebibytes(needed));
            return Err(Failure::new(format!(
                "a snapshot of etcd needs {needed} MiB in `{directory}`, and {free} MiB are free"
            ))
            .kind(FailureKind::Preflight)
            .hint(format!("make room in `{directory}`, then run the same command again")));
        }
        let work = self.stream(access, client_url, path);
        let bytes = self.outward.perform(Effect::new("snapshot", path.as_str()), work).await?;
        self.prune(directory, path, keep, report)?;
        Ok(Snapshot { path: path.to_owned(), bytes })
    }

    async fn stream(&self, access: &EtcdAccess, client_url: &str, path: &Utf8Path) -> Result<u64, Failure> {
        let unwritten = || format!("cannot write the snapshot `{path}`");
        let mut file = self.disk.create(path).context(unwritten())?;
        let mut refused = None;
        let mut take = |bytes: &[u8]| {
            let taken = file.write(bytes);
            let whole = taken.is_ok();
            refused = taken.err();
            whole
        };
        let streamed = self.etcd.snapshot(access, client_url, &mut take).await;
        if let Some(error) = refused {
            return Err(error)
                .context(unwritten())
                .hint("make room on the disk, then run the same command again")
                .kind(FailureKind::Preflight);
        }
        streamed?;
        tokio::task::spawn_blocking(move || file.finish()).await?.context(unwritten())
    }

    fn prune(&self, directory: &Utf8Path, newest: &Utf8Path, keep: Retention, report: &Report) -> Result<(), Failure> {
        let kept = self.disk.kept(directory).context(format!("cannot list the snapshots in `{directory}`"))?;
        for name in superfluous(&kept, newest.file_name().unwrap_or_default(), keep) {
            let path = directory.join(name);
            report.note("upgrade/etcd", format!("Removing the old snapshot \"{path}\""));
            self.disk.remove(&path).context(format!("cannot remove the old snapshot `{path}`"))?;
        }
        Ok(())
    }

    /// Reads a whole copy, compares its digest, and gives that in hexadecimal.
    ///
    /// # Errors
    /// It is not there, or was changed.
    pub async fn check(&self, path: &Utf8Path) -> Result<String, Failure> {
        self.disk.check(path).await.context(format!("cannot use the snapshot `{path}`"))
    }
}

/// The bytes that must be free for a copy: etcd may grow while it sends, and the node must have something left.
fn needed(db_size: u64) -> u64 {
    db_size.saturating_add(db_size / 10).saturating_add(RESERVE)
}

/// What must stay free beside a copy, in bytes.
const RESERVE: u64 = 64 << 20;

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// The names of the copies to remove: the oldest of those beyond the limit. The newest stays.
fn superfluous<'a>(kept: &'a [Kept], newest: &str, keep: Retention) -> Vec<&'a str> {
    let (mut count, mut bytes) = (0, 0_u64);
    let mut over = Vec::new();
    let newest_first = kept.iter().rev().filter(|copy| copy.name == newest);
    for copy in newest_first.chain(kept.iter().rev().filter(|copy| copy.name != newest)) {
        count += 1;
        bytes = bytes.saturating_add(copy.bytes);
        if copy.name != newest && (count > keep.count || bytes > keep.bytes) {
            over.push(copy.name.as_str());
        }
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(sizes: &[u64]) -> Vec<Kept> {
        sizes.iter().enumerate().map(|(at, bytes)| Kept { name: format!("{at}"), bytes: *bytes }).collect()
    }

    #[test]
    fn the_oldest_go_first() {
        let keep = Retention { count: 3, bytes: 1000 };
        assert_eq!(superfluous(&kept(&[1, 1, 1, 1, 1]), "4", keep), ["1", "0"]);
    }

    #[test]
    fn the_newest_stays_whatever_it_takes() {
        let keep = Retention { count: 3, bytes: 10 };
        assert_eq!(superfluous(&kept(&[5, 4, 50]), "2", keep), ["1", "0"]);
        assert_eq!(superfluous(&kept(&[5, 4, 3]), "2", keep), ["0"]);
        assert_eq!(superfluous(&kept(&[50]), "0", Retention { count: 0, bytes: 0 }), [""; 0]);
    }

    #[test]
    fn there_must_be_room_for_more_than_the_data() {
        assert_eq!(needed(100 << 20), (110 << 20) + RESERVE);
        assert_eq!(needed(u64::MAX), u64::MAX);
    }
}
