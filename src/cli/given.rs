//! Files that the user names on the command line.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "these are the user's files, not the node's")]

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use kubewright_engine::{Failure, FailureContext};
use kubewright_node::MAX_FILE_BYTES;

/// Reads the file of `--config`; more than any configuration needs is refused.
pub fn read_config(path: &str) -> Result<Vec<u8>, Failure> {
    let doing = || format!("cannot read the configuration file `{path}`");
    let hint = "name an existing, readable file with --config";
    let file = File::open(path).context(doing()).hint(hint)?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).context(doing()).hint(hint)?;
    if read > MAX_FILE_BYTES {
        return Err(Failure::new(format!("it is larger than {MAX_FILE_BYTES} bytes")).context(doing()).hint(hint));
    }
    Ok(bytes)
}

/// Opens the file of `--events` for appending.
pub fn append_events(path: &str) -> Result<File, Failure> {
    OpenOptions::new()
        .create(true)
        .append(true)
        // Events hold what the run tells its user: tokens and certificate keys among it.
        .mode(0o600)
        .open(path)
        .context(format!("cannot write the events to `{path}`"))
        .hint("name a writable file with --events")
}
