//! Files that the user names on the command line.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "these are the user's files, not the node's")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::SecretText;
use kubewright_engine::{Digest, Failure, FailureContext, InputValue, Inputs};
use kubewright_node::MAX_FILE_BYTES;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The file of `--config`, if one was named.
pub struct GivenConfig<'a>(Option<(&'a str, Vec<u8>)>);

impl<'a> GivenConfig<'a> {
    /// Reads it.
    pub fn read(path: Option<&'a str>) -> Result<Self, Failure> {
        path.map(|path| Ok((path, read_config(path)?))).transpose().map(Self)
    }

    /// The inputs of a run with what it holds; where it stands does not count.
    pub fn inputs(&self, inputs: Inputs) -> Inputs {
        match &self.0 {
            Some((_, bytes)) => inputs.with("the file of --config", hidden(bytes)),
            None => inputs,
        }
    }

    /// Its path and what it holds.
    pub fn document(&self) -> Option<(&'a str, &[u8])> {
        self.0.as_ref().map(|(path, bytes)| (*path, bytes.as_slice()))
    }
}

/// A value of which only its digest is kept.
pub fn hidden(bytes: &[u8]) -> InputValue {
    InputValue::Hidden(Digest(hex::encode(Sha256::digest(bytes))))
}

/// Reads the file of `--config`. Of one that is too large it reads just enough for the configuration's own error.
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
    if bytes.len() > MAX_FILE_BYTES {
        let large = Failure::new(format!("it is larger than {MAX_FILE_BYTES} bytes"));
        return Err(large
            .context(format!("cannot read the template file `{path}`"))
            .hint("name a smaller file with -o"));
    }
    String::from_utf8(bytes).context(format!("cannot read the template file `{path}`"))
}

fn read(what: &str, path: &str, hint: &str) -> Result<Vec<u8>, Failure> {
    let doing = || format!("cannot read the {what} file `{path}`");
    let file = File::open(path).context(doing()).hint(hint)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).context(doing()).hint(hint)?;
    Ok(bytes)
}

/// Asks whether to go on; only `y` and `yes` mean so. An input that has ended says no.
pub fn confirmed() -> bool {
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// How standard input is named in the place of a file.
pub const STDIN: &str = "-";
/// The largest file that a secret is read from. A token has 23 characters, a certificate key 64.
const LARGEST_SECRET: usize = 4096;

/// Reads a secret from a file, or from standard input for [`STDIN`]. What stands around it is no part of it.
pub fn read_secret(path: &str) -> Result<SecretText, Failure> {
    let from: Box<dyn Read> = match path {
        STDIN => Box::new(io::stdin()),
        path => Box::new(File::open(path).map_err(Failure::from).hint("name an existing, readable file")?),
    };
    // Large enough from the start, so that growing leaves no copy of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST_SECRET + 1));
    from.take(LARGEST_SECRET as u64 + 1).read_to_end(&mut bytes).map_err(Failure::from)?;
    let fault = |why: &str| Failure::new(format!("it is {why}")).hint("name a file with the secret and nothing else");
    if bytes.len() > LARGEST_SECRET {
        return Err(fault(&format!("larger than {LARGEST_SECRET} bytes")));
    }
    match std::str::from_utf8(&bytes).map(str::trim) {
        Ok("") => Err(fault("empty")),
        Ok(text) => Ok(SecretText::from(text.to_owned())),
        Err(_) => Err(fault("not text")),
    }
}

/// Reads one line from standard input, without what stands around it. Where there is none it is empty.
///
/// # Errors
/// Standard input cannot be read.
pub fn read_answer() -> io::Result<String> {
    let mut answer = Vec::new();
    // Byte by byte: what follows the line is not ours, and nobody types an answer that is longer.
    for byte in io::stdin().lock().bytes().take(1024) {
        match byte? {
            b'\n' => break,
            byte => answer.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&answer).trim().to_owned())
}

/// Reads the kubeconfig of a command that asks the cluster.
pub fn read_kubeconfig(path: &Utf8Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let hint = "name one with --kubeconfig, or run it on a control plane node as root";
    let bytes = read("kubeconfig", path.as_str(), hint).map(Zeroizing::new)?;
    match bytes.len() > MAX_FILE_BYTES {
        true => Err(Failure::new(format!("the kubeconfig file `{path}` is larger than {MAX_FILE_BYTES} bytes"))),
        false => Ok(bytes),
    }
}

/// The first of these paths where something is.
pub fn first_existing(paths: &[Utf8PathBuf]) -> Option<&Utf8PathBuf> {
    paths.iter().find(|path| fs::metadata(path).is_ok())
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

/// Writes the file of `--new-config` whole or not at all, for its owner only: configurations hold tokens and keys.
pub fn write_new_config(path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(path, bytes, 0o600)
}

/// Writes a file whole or not at all, with that mode.
pub fn write_whole(path: &Utf8Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let place = match fs::metadata(path) {
        // What is no file, such as `/dev/stdout`, cannot be replaced.
        Ok(found) if !found.is_file() => return OpenOptions::new().write(true).open(path)?.write_all(bytes),
        // A link stays, and what it leads to is replaced.
        Ok(_) => path.canonicalize_utf8()?,
        Err(_) => path.to_owned(),
    };
    let name = place.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
    let directory = place.parent().filter(|parent| !parent.as_str().is_empty()).unwrap_or(".".into());
    let beside: Utf8PathBuf = directory.join(format!(".{name}.{}.new", std::process::id()));
    let written = write_beside(&beside, bytes, mode).and_then(|()| fs::rename(&beside, &place));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    // The name must outlive a power cut too.
    written.and_then(|()| File::open(directory)?.sync_all())
}

fn write_beside(path: &Utf8Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The umask may have taken something away.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}
