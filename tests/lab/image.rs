//! Packs local binaries, with the shared libraries that they need, into a one-layer image archive.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::{
    error::{LabError, Result},
    layout,
    program::{capture, program},
    say,
};

/// An image to be packed.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// Repository, name and tag, as manifests name it.
    pub(crate) reference: String,
    /// Which local file goes where.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// What runs when nothing else is said.
    pub(crate) entrypoint: Vec<String>,
}

impl Image {
    /// Returns the archive's path under `dir`; packs it unless the same inputs have been packed before.
    pub(crate) fn ensure(&self, dir: &Path) -> Result<PathBuf> {
        let archive = dir.join(format!("{}.tar", self.digest()?));
        if archive.is_file() {
            return Ok(archive);
        }
        say::step(&format!("packing {}", self.reference));
        layout::make_dir(dir)?;
        let partial = archive.with_extension(format!("{}.partial", std::process::id()));
        self.pack(&partial)?;
        fs::rename(&partial, &archive).map_err(LabError::file("publish", &archive))?;
        Ok(archive)
    }

    /// Identifies the inputs: names, and size and time of each file, which a rebuild changes.
    fn digest(&self) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(format!("2 {} {:?}", self.reference, self.entrypoint));
        for (source, target) in &self.files {
            let found = fs::metadata(source).map_err(LabError::file("read", source))?;
            hash.update(format!("\n{target} {} {}.{}", found.len(), found.mtime(), found.mtime_nsec()));
        }
        Ok(hex::encode(hash.finalize()))
    }

    fn pack(&self, archive: &Path) -> Result<()> {
        let layer_path = archive.with_extension("layer");
        let packed = self.pack_through(archive, &layer_path);
        layout::remove(&layer_path)?;
        packed
    }

    fn pack_through(&self, archive: &Path, layer_path: &Path) -> Result<()> {
        let unwritten = || LabError::file("write", layer_path);
        let layer =
            File::options().read(true).write(true).create(true).truncate(true).open(layer_path).map_err(unwritten())?;
        let layer = Layer {
            tar: Builder::new(Hashing { inner: BufWriter::new(layer), hash: Sha256::new() }),
            seen: BTreeSet::new(),
        };
        let (mut layer, digest) = layer.fill(&self.files).map_err(unwritten())?;
        layer.seek(SeekFrom::Start(0)).map_err(unwritten())?;
        self.wrap(archive, &layer, &digest).map_err(LabError::file("write", archive))
    }

    /// Writes the outer archive: configuration, layer and the manifest that ties them together.
    fn wrap(&self, archive: &Path, layer: &File, digest: &str) -> io::Result<()> {
        let mut config = json!({"Env": ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]});
        if !self.entrypoint.is_empty() {
            config["Entrypoint"] = json!(self.entrypoint);
        }
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let image = json!({
            "architecture": architecture, "os": "linux", "config": config,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
            "history": [{"created_by": "lab"}],
        });
        let image = image.to_string().into_bytes();
        let id = hex::encode(Sha256::digest(&image));
        let manifest = json!([{"Config": format!("{id}.json"), "RepoTags": [self.reference], "Layers": [format!("{digest}/layer.tar")]}]);
        let mut tar = Builder::new(BufWriter::new(File::create(archive)?));
        append(&mut tar, &format!("{id}.json"), 0o644, image.len() as u64, &image[..])?;
        append(&mut tar, &format!("{digest}/layer.tar"), 0o644, layer.metadata()?.len(), layer)?;
        let manifest = manifest.to_string().into_bytes();
        append(&mut tar, "manifest.json", 0o644, manifest.len() as u64, &manifest[..])?;
        tar.into_inner()?.flush()
    }
}

/// The one layer, while it is being filled.
struct Layer {
    tar: Builder<Hashing>,
    seen: BTreeSet<String>,
}

impl Layer {
    fn fill(mut self, files: &[(PathBuf, String)]) -> io::Result<(File, String)> {
        for (source, target) in files {
            self.file(source, target)?;
            for library in libraries(source) {
                self.file(&library, &library.to_string_lossy())?;
            }
        }
        self.directory("tmp", 0o1777)?;
        self.directory("var/run", 0o755)?;
        let hashing = self.tar.into_inner()?;
        let file = hashing.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, hex::encode(hashing.hash.finalize())))
    }

    fn file(&mut self, source: &Path, target: &str) -> io::Result<()> {
        let target = target.trim_start_matches('/');
        if !self.seen.insert(target.to_owned()) {
            return Ok(());
        }
        if let Some((parent, _)) = target.rsplit_once('/') {
            self.directory(parent, 0o755)?;
        }
        let file = File::open(source)?;
        let size = file.metadata()?.len();
        append(&mut self.tar, target, 0o755, size, file)
    }

    fn directory(&mut self, path: &str, mode: u32) -> io::Result<()> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent, 0o755)?;
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        self.tar.append_data(&mut header, format!("{path}/"), io::empty())
    }
}

fn append<W: Write>(tar: &mut Builder<W>, path: &str, mode: u32, size: u64, data: impl io::Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    tar.append_data(&mut header, path, data)
}

/// The shared libraries that a binary names; none for a static one.
fn libraries(binary: &Path) -> Vec<PathBuf> {
    let Ok(out) = capture(&mut program("ldd", [binary])) else { return Vec::new() };
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).filter(|p| p.is_file()).collect()
}

/// Passes bytes on and hashes them in passing.
struct Hashing {
    inner: BufWriter<File>,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read;

    use super::*;

    #[test]
    fn an_archive_names_its_layer_by_the_digest_of_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let files = vec![(PathBuf::from("/bin/sh"), "/usr/local/bin/sh".to_owned())];
        let image = Image { reference: "a/b:c".to_owned(), files, entrypoint: vec!["/sh".to_owned()] };
        let archive = image.ensure(dir.path()).unwrap();

        let mut members = std::collections::BTreeMap::new();
        for entry in tar::Archive::new(File::open(&archive).unwrap()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            members.insert(entry.path().unwrap().to_string_lossy().into_owned(), bytes);
        }
        let manifest: serde_json::Value = serde_json::from_slice(&members["manifest.json"]).unwrap();
        let layer = &members[manifest[0]["Layers"][0].as_str().unwrap()];
        let config = &members[manifest[0]["Config"].as_str().unwrap()];
        let config: serde_json::Value = serde_json::from_slice(config).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", hex::encode(Sha256::digest(layer))));

        let mut names = Vec::new();
        for entry in tar::Archive::new(&layer[..]).entries().unwrap() {
            names.push(entry.unwrap().path().unwrap().to_string_lossy().into_owned());
        }
        assert!(names.contains(&"usr/local/bin/sh".to_owned()), "{names:?}");
        assert!(names.iter().any(|name| name.contains("libc.so")), "{names:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left but the archive");
    }
}
