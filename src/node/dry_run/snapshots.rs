//! Copies of etcd's data in a dry run: the disk is looked at, and nothing is written to it.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};

use crate::snapshots::{Kept, PutBack, PutBackStage, SnapshotBackend, SnapshotFile};

/// Keeps copies in name only.
pub(super) struct DrySnapshots(pub(super) Arc<dyn SnapshotBackend>);

#[async_trait]
impl SnapshotBackend for DrySnapshots {
    fn free(&self, directory: &Utf8Path) -> io::Result<u64> {
        self.0.free(directory)
    }

    fn kept(&self, directory: &Utf8Path) -> io::Result<Vec<Kept>> {
        self.0.kept(directory)
    }

    fn create(&self, _: &Utf8Path) -> io::Result<Box<dyn SnapshotFile>> {
        Ok(Box::new(Nowhere))
    }

    async fn check(&self, path: &Utf8Path) -> io::Result<String> {
        self.0.check(path).await
    }

    fn remove(&self, _: &Utf8Path) -> io::Result<()> {
        Ok(())
    }

    fn stage(&self, back: &PutBack) -> io::Result<PutBackStage> {
        self.0.stage(back)
    }

    fn prepare(&self, _: &PutBack) -> io::Result<()> {
        Ok(())
    }

    fn made(&self, _: &PutBack) -> io::Result<()> {
        Ok(())
    }

    fn put_in_place(&self, _: &PutBack) -> io::Result<Option<Utf8PathBuf>> {
        Ok(None)
    }
}

/// A copy that is not written.
struct Nowhere;

impl SnapshotFile for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<u64> {
        Ok(0)
    }
}
