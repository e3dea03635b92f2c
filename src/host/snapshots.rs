//! Copies of etcd's data on this machine's disk: written beside their place, checked by the digest that ends them, and
//! given their name when every byte is durable. Putting one back is in `putting_back.rs`.

mod putting_back;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::snapshots::{Kept, PutBack, PutBackStage, SnapshotBackend, SnapshotFile};
use sha2::{Digest, Sha256};

use crate::root::Root;
use putting_back::Places;

/// What ends a copy: the SHA-256 digest of all before it.
const DIGEST_LENGTH: usize = 32;
/// How a copy's name ends.
const ENDING: &str = ".db";

/// Copies under one root.
#[derive(Debug)]
pub struct HostSnapshots {
    root: Root,
}

impl HostSnapshots {
    /// Those of this machine, or of a directory that stands for one.
    pub fn new(root: Root) -> Arc<Self> {
        Arc::new(Self { root })
    }

    fn at(&self, path: &Utf8Path) -> Utf8PathBuf {
        self.root.place(path)
    }

    /// Where a copy goes back to; who moved the data directory elsewhere and left a link means what is there.
    fn places(&self, back: &PutBack) -> io::Result<Places> {
        let data_dir = self.root.place(&self.root.resolve(&back.data_dir)?);
        Ok(Places::of(&PutBack { data_dir, name: back.name.clone() }))
    }
}

#[async_trait]
impl SnapshotBackend for HostSnapshots {
    fn free(&self, directory: &Utf8Path) -> io::Result<u64> {
        let mut place = self.at(directory);
        // What is not there yet will be made where its nearest parent is.
        while !place.exists() && place.pop() {}
        let found = rustix::fs::statvfs(place.as_str())?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn kept(&self, directory: &Utf8Path) -> io::Result<Vec<Kept>> {
        let entries = match fs::read_dir(self.at(directory)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut kept = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let found = entry.metadata()?;
            if found.is_file() && name.ends_with(ENDING) && !name.starts_with('.') {
                kept.push(Kept { name, bytes: found.len() });
            }
        }
        kept.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(kept)
    }

    fn create(&self, path: &Utf8Path) -> io::Result<Box<dyn SnapshotFile>> {
        let place = self.at(path);
        let name = place.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
        let directory = place.parent().unwrap_or(Utf8Path::new("/")).to_owned();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let beside = directory.join(format!(".{name}.partial"));
        // One of a run that was killed.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        Ok(Box::new(Partial { file, beside, place, directory, checking: Checking::default(), named: false }))
    }

    async fn check(&self, path: &Utf8Path) -> io::Result<String> {
        let place = self.at(path);
        tokio::task::spawn_blocking(move || check(&place)).await.map_err(io::Error::other)?
    }

    fn remove(&self, path: &Utf8Path) -> io::Result<()> {
        fs::remove_file(self.at(path))
    }

    fn stage(&self, back: &PutBack) -> io::Result<PutBackStage> {
        self.places(back)?.stage()
    }

    fn prepare(&self, back: &PutBack) -> io::Result<()> {
        self.places(back)?.prepare()
    }

    fn made(&self, back: &PutBack) -> io::Result<()> {
        self.places(back)?.made()
    }

    fn put_in_place(&self, back: &PutBack) -> io::Result<Option<Utf8PathBuf>> {
        let moved = self.places(back)?.put_in_place()?;
        Ok(moved.map(|name| back.directory().join(name)))
    }
}

fn check(place: &Utf8Path) -> io::Result<String> {
    let mut file = File::open(place)?;
    let mut checking = Checking::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return checking.judge(),
            read => checking.take(&buffer[..read]),
        }
    }
}

fn sync_directory(directory: &Utf8Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// A copy that has no name yet; dropped, it is removed.
struct Partial {
    file: File,
    beside: Utf8PathBuf,
    place: Utf8PathBuf,
    directory: Utf8PathBuf,
    checking: Checking,
    named: bool,
}

impl SnapshotFile for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.checking.take(bytes);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<u64> {
        let bytes = self.checking.length;
        std::mem::take(&mut self.checking).judge()?;
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.place)?;
        self.named = true;
        sync_directory(&self.directory)?;
        Ok(bytes)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.named {
            // What cannot be removed now is removed by the next one of this name.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// Compares the digest at the end of a stream with what came before it, without holding more than the digest back.
#[derive(Default)]
struct Checking {
    digest: Sha256,
    held_back: Vec<u8>,
    length: u64,
}

impl Checking {
    fn take(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.held_back.extend_from_slice(bytes);
        let sure = self.held_back.len().saturating_sub(DIGEST_LENGTH);
        self.digest.update(&self.held_back[..sure]);
        self.held_back.drain(..sure);
    }

    /// Gives the digest in hexadecimal.
    fn judge(self) -> io::Result<String> {
        if self.length <= DIGEST_LENGTH as u64 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty"));
        }
        match self.digest.finalize().as_slice() == self.held_back {
            true => Ok(self.held_back.iter().map(|byte| format!("{byte:02x}")).collect()),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its bytes do not fit the SHA-256 digest at its end: it is not whole, or was changed",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
