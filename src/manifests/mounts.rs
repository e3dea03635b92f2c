//! Volumes of static pods: all from the host, sorted by name, the user's in place of those they name.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::model::{ExternalEtcd, ExtraVolume};

/// Where the system's certificate authorities are, on the host and in the container.
const CA_CERTIFICATES: &str = "/etc/ssl/certs";

/// A path of the host in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) name: String,
    pub(crate) host_path: String,
    pub(crate) mount_path: String,
    pub(crate) path_type: String,
    pub(crate) read_only: bool,
}

impl Mount {
    /// Mounts a directory at its own path; the kubelet makes it if it is missing.
    pub(crate) fn directory(name: impl Into<String>, path: &Utf8Path, read_only: bool) -> Self {
        Self::new(name.into(), path, "DirectoryOrCreate", read_only)
    }

    /// Mounts a file read-only at its own path.
    pub(crate) fn file(name: &str, path: &Utf8Path) -> Self {
        Self::new(name.to_owned(), path, "FileOrCreate", true)
    }

    fn new(name: String, path: &Utf8Path, path_type: &str, read_only: bool) -> Self {
        let (host_path, mount_path) = (path.to_string(), path.to_string());
        Self { name, host_path, mount_path, path_type: path_type.to_owned(), read_only }
    }
}

impl From<&ExtraVolume> for Mount {
    fn from(volume: &ExtraVolume) -> Self {
        Self {
            name: volume.name.clone(),
            host_path: volume.host_path.clone(),
            mount_path: volume.mount_path.clone(),
            path_type: volume.path_type.clone(),
            read_only: volume.read_only,
        }
    }
}

/// The mounts of one component by name; a later one of the same name replaces the earlier.
#[derive(Debug, Default)]
pub(crate) struct Mounts(BTreeMap<String, Mount>);

impl Mounts {
    pub(crate) fn add(mut self, mount: Mount) -> Self {
        self.0.insert(mount.name.clone(), mount);
        self
    }

    pub(crate) fn extra(self, volumes: &[ExtraVolume]) -> Self {
        volumes.iter().fold(self, |mounts, volume| mounts.add(Mount::from(volume)))
    }

    /// Adds the certificates' directory, the system's authorities, and further directories of them.
    pub(crate) fn certificates(self, certificates_dir: &Utf8Path, ca_directories: &[Utf8PathBuf]) -> Self {
        let system = self.add(Mount::directory("k8s-certs", certificates_dir, true)).add(Mount::directory(
            "ca-certs",
            CA_CERTIFICATES.into(),
            true,
        ));
        ca_directories.iter().fold(system, |mounts, path| {
            let name = path.as_str().trim_start_matches('/').replace('/', "-");
            mounts.add(Mount::directory(name, path, true))
        })
    }

    /// Adds the directories of an external etcd's certificates that no other mount covers.
    ///
    /// Covered is what lies below the certificates' directory, the system's authorities, or any candidate for them,
    /// whether the host has it or not: kubeadm compares with the whole list.
    pub(crate) fn external_etcd(
        self,
        etcd: &ExternalEtcd,
        certificates_dir: &Utf8Path,
        candidates: &[Utf8PathBuf],
    ) -> Self {
        let covered = |directory: &str| {
            let mut known = candidates.iter().map(|path| path.as_str());
            known.any(|path| directory.starts_with(path))
                || directory.starts_with(CA_CERTIFICATES)
                || directory.starts_with(certificates_dir.as_str())
        };
        let files = [&etcd.ca_file, &etcd.cert_file, &etcd.key_file];
        let mut directories = BTreeSet::new();
        for directory in files.into_iter().flatten().filter_map(|file| file.parent()).map(Utf8Path::as_str) {
            if directory.is_empty() || covered(directory) {
                continue;
            }
            directories.retain(|known: &String| !known.starts_with(directory));
            if !directories.iter().any(|known| directory.starts_with(known.as_str())) {
                directories.insert(directory.to_owned());
            }
        }
        directories.iter().enumerate().fold(self, |mounts, (index, directory)| {
            mounts.add(Mount::directory(format!("etcd-certs-{index}"), directory.as_str().into(), true))
        })
    }

    pub(crate) fn into_sorted(self) -> Vec<Mount> {
        self.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests;
