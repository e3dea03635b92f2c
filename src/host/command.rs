//! Runs another program: no shell, no input, a deadline after which it is killed, and output that fits into an error.

use std::ffi::OsStr;
use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{Access, AtFlags, CWD, FileType};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// What a program printed, and how it ended.
pub(crate) struct Ended {
    /// Its exit status; `None` when a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn ok(&self) -> bool {
        self.status == Some(0)
    }

    /// Its last words on one line: what it complained about, else what it said, else how it ended.
    pub(crate) fn words(&self) -> String {
        let said = [&self.stderr, &self.stdout].into_iter().map(|text| shorten(text)).find(|text| !text.is_empty());
        said.unwrap_or_else(|| match self.status {
            Some(status) => format!("it ended with status {status} and said nothing"),
            None => "it was killed by a signal".into(),
        })
    }
}

/// Runs a program to its end, at most `limit` long. It is killed when the time is over or when nobody waits any more.
pub(crate) async fn run(program: &Utf8Path, arguments: &[&str], limit: Duration) -> io::Result<Ended> {
    run_reading(program, arguments, limit, MAX_OUTPUT).await
}

/// The same for a program whose output is wanted whole: up to so many bytes of each stream are kept.
pub(crate) async fn run_reading(
    program: &Utf8Path,
    arguments: &[&str],
    limit: Duration,
    most: usize,
) -> io::Result<Ended> {
    let began = Instant::now();
    let ended = run_within(program, arguments, limit, most).await;
    let how = match &ended {
        Ok(Ended { status: Some(status), .. }) => format!("status {status}"),
        Ok(Ended { status: None, .. }) => "a signal".into(),
        Err(error) => error.to_string(),
    };
    let took = began.elapsed().as_millis();
    tracing::debug!("exec: {program} {}: {how} in {took} milliseconds", arguments.join(" "));
    ended
}

async fn run_within(program: &Utf8Path, arguments: &[&str], limit: Duration, most: usize) -> io::Result<Ended> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let whole = async {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = {
            let mut reading = pin!(async { tokio::join!(read(stdout, &mut out, most), read(stderr, &mut err, most)) });
            let (status, read) = tokio::select! {
                status = child.wait() => (status?, false),
                _ = &mut reading => (child.wait().await?, true),
            };
            if !read {
                // A service that it started may hold its output open for as long as it lives.
                let _ = tokio::time::timeout(LINGER, reading).await;
            }
            status
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended { status: status.code(), stdout: text(&out), stderr: text(&err) })
    };
    // The child is dropped, and so killed, when the time is over as when nobody waits for this any more.
    tokio::time::timeout(limit, whole).await.unwrap_or_else(|_| {
        let why = format!("`{program} {}` did not end within {} s", arguments.join(" "), limit.as_secs_f64());
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    })
}

/// Finds an executable file in directories that are joined by colons, as PATH's are.
pub(crate) fn find(binary: &str, path: &OsStr) -> Option<Utf8PathBuf> {
    if binary.is_empty() || binary.contains('/') {
        return None;
    }
    let directories = std::env::split_paths(path).filter_map(|directory| Utf8PathBuf::from_path_buf(directory).ok());
    directories.filter(|directory| directory.is_absolute()).map(|directory| directory.join(binary)).find(|candidate| {
        let file = rustix::fs::stat(candidate.as_str());
        file.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
            && rustix::fs::accessat(CWD, candidate.as_str(), Access::EXEC_OK, AtFlags::EACCESS).is_ok()
    })
}

/// How long output is waited for after the program's end.
const LINGER: Duration = Duration::from_millis(200);
/// The most that is kept of each stream for an error, in bytes; the rest is read and dropped, so that the program does not stall.
const MAX_OUTPUT: usize = 64 * 1024;
/// The most that is shown of what a program said, in characters.
const MAX_WORDS: usize = 400;

async fn read(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, most: usize) {
    let Some(mut stream) = stream else { return };
    let mut chunk = [0; 8192];
    // A pipe that breaks ends the output, not the program; its status tells more.
    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
        let room = most.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..length.min(room)]);
    }
}

fn shorten(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = lines.join("; ");
    match line.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
