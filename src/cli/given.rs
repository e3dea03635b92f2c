//! Files that the user names on the command line.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "these are the user's files, not the node's")]

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use kubewright_engine::{Failure, FailureContext};
use kubewright_node::MAX_FILE_BYTES;

/// Reads the file of `--config`; more than any configuration needs is refused.
pub fn read_config(path: &str) -> Result<Vec<u8>, Failure> {
    tracing::info!("loading configuration from {path:?}");
    read("configuration", path, "name an existing, readable file with --config")
}

/// Reads the file of `--old-config`.
pub fn read_old_config(path: &str) -> Result<Vec<u8>, Failure> {
    read("configuration", path, "name an existing, readable file with --old-config")
}

/// Reads a template that `-o` names.
pub fn read_template(path: &str) -> Result<String, Failure> {
    let bytes = read("template", path, "name an existing, readable file with -o")?;
    String::from_utf8(bytes).context(format!("cannot read the template file `{path}`"))
}

fn read(what: &str, path: &str, hint: &str) -> Result<Vec<u8>, Failure> {
    let doing = || format!("cannot read the {what} file `{path}`");
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
