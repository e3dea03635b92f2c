//! Running other programs, with errors that carry the command line and the end of the output.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::error::{LabError, Result};

/// Builds a command from a program and its words.
pub(crate) fn program<S: AsRef<OsStr>>(name: impl AsRef<OsStr>, words: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(name);
    command.args(words);
    command
}

/// The command as one would type it, for messages.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Runs the command silently and returns what it printed; it must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let out = capture(command)?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(failed(command, &out))
}

/// Runs the command silently, whatever comes of it.
pub(crate) fn capture(command: &mut Command) -> Result<Output> {
    let text = line(command);
    command.stdin(Stdio::null()).output().map_err(|source| LabError::Start { line: text, source })
}

/// Runs the command on the caller's terminal; it must succeed.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let text = line(command);
    let status = command.status().map_err(|source| LabError::Start { line: text.clone(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(LabError::Command { line: text, status: status.to_string(), output: String::new() })
}

/// The error for a command that ran and failed, with the end of what it printed.
pub(crate) fn failed(command: &Command, out: &Output) -> LabError {
    let said = if out.stderr.is_empty() { &out.stdout } else { &out.stderr };
    let said = last_lines(&String::from_utf8_lossy(said), 30);
    LabError::Command { line: line(command), status: out.status.to_string(), output: indented(&said) }
}

/// The last `count` lines of a text.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// The last `count` lines of a file, or a word on why there are none.
pub(crate) fn end_of(path: &Path, count: usize) -> String {
    match std::fs::read(path) {
        Ok(bytes) => last_lines(&String::from_utf8_lossy(&bytes), count),
        Err(error) => format!("({}: {error})", path.display()),
    }
}

/// A text on lines of its own, set in by two spaces, or nothing for an empty one.
pub(crate) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("\n  {line}")).collect()
}

/// Where the shell would find a program.
pub(crate) fn find(name: &str, first: &[&Path]) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/bin"].map(std::path::PathBuf::from);
    let mut places = first.iter().map(|p| p.to_path_buf()).chain(std::env::split_paths(&path)).chain(usual);
    places.find_map(|place| Some(place.join(name)).filter(|file| file.is_file()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_failed_command_says_its_line_its_status_and_the_end_of_its_output() {
        let error = output(&mut program("sh", ["-c", "seq 40; seq 40 >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.starts_with("`sh -c seq 40; seq 40 >&2; exit 3` failed with exit status: 3\n  11\n"), "{error}");
        assert!(error.ends_with("\n  40"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = output(&mut program("/no/such/program", ["x"])).unwrap_err().to_string();
        assert_eq!(error, "cannot start `/no/such/program x`");
    }
}
