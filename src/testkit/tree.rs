//! A directory as a map, for comparing it before and after.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use camino::Utf8Path;
use sha2::{Digest, Sha256};

/// All that is under a directory: path → mode and digest, `0600 file 1a2b3c…`, `0755 dir` or `link TARGET`.
///
/// # Panics
/// When something cannot be read: then a comparison would prove nothing.
pub fn tree(directory: &Utf8Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(directory, directory, &mut found);
    found
}

fn walk(base: &Utf8Path, directory: &Utf8Path, found: &mut BTreeMap<String, String>) {
    for entry in directory.read_dir_utf8().expect("the directory can be listed") {
        let entry = entry.expect("the entry can be read");
        let path = entry.path();
        let stat = fs::symlink_metadata(path).expect("the entry can be looked at");
        let mode = stat.mode() & 0o7777;
        let says = if stat.is_symlink() {
            format!("link {}", path.read_link_utf8().expect("the link can be read"))
        } else if stat.is_dir() {
            walk(base, path, found);
            format!("{mode:04o} dir")
        } else if stat.is_file() {
            let bytes = fs::read(path).expect("the file can be read");
            format!("{mode:04o} file {}", hex::encode(Sha256::digest(bytes)))
        } else {
            format!("{mode:04o} other")
        };
        let relative = path.strip_prefix(base).expect("it is below the base");
        found.insert(format!("/{relative}"), says);
    }
}
