//! What stands in a node's directories, to be compared with what stands there later or on another node.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use kubewright_lab::Node;
use sha2::{Digest, Sha256};

/// What kubewright and its cluster may write on a node.
pub const CLUSTER_DIRS: [&str; 3] = ["/etc/kubernetes", "/var/lib/kubelet", "/var/lib/etcd"];
/// Where kubewright keeps its own state.
pub const STATE_DIR: &str = "/var/lib/kubewright";

/// Everything below some directories, and they themselves, by path.
pub type Tree = BTreeMap<String, Entry>;

/// One file, directory or link. Contents are kept as a digest, since a test that fails prints what it compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Type and permissions.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Of the contents; empty for a directory.
    pub digest: String,
    /// When it was changed last, in nanoseconds.
    pub modified: i128,
}

impl Entry {
    /// Whether it is a file, and not a directory or a link.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// Permissions and owner as people write them.
    pub fn access(&self) -> String {
        format!("{:o} {}:{}", self.mode, self.uid, self.gid)
    }
}

/// Looks at directories of a node.
pub fn tree<'a>(node: &Node, directories: impl IntoIterator<Item = &'a str>) -> Tree {
    let mut tree = Tree::new();
    for directory in directories {
        collect(node, directory, &mut tree);
    }
    tree
}

fn collect(node: &Node, path: &str, tree: &mut Tree) {
    let place = node.path(path);
    // A file of a cluster that is working may be gone by now.
    let Ok(found) = fs::symlink_metadata(&place) else { return };
    tree.insert(path.to_owned(), entry(&place, &found));
    if found.is_dir() {
        for child in fs::read_dir(&place).unwrap() {
            let name = child.unwrap().file_name().into_string().unwrap();
            collect(node, &format!("{path}/{name}"), tree);
        }
    }
}

fn entry(place: &Path, found: &fs::Metadata) -> Entry {
    let contents = if found.is_file() {
        fs::read(place).unwrap_or_default()
    } else if found.is_symlink() {
        fs::read_link(place).unwrap().into_os_string().into_encoded_bytes()
    } else {
        Vec::new()
    };
    let digest = if found.is_dir() { String::new() } else { hex::encode(Sha256::digest(&contents)) };
    let modified = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
    Entry { mode: found.mode(), uid: found.uid(), gid: found.gid(), digest, modified }
}

/// What is not the same in two trees, in words.
pub fn differences(before: &Tree, after: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, old) in before {
        match after.get(path) {
            None => found.push(format!("{path} is gone")),
            Some(new) if old != new => found.push(format!("{path} was {old:?} and is {new:?}")),
            Some(_) => {}
        }
    }
    found.extend(after.keys().filter(|path| !before.contains_key(*path)).map(|path| format!("{path} is new")));
    found
}
