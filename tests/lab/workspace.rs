//! The clone of the repository that this lab works for.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use crate::{
    error::{LabError, Result},
    program::line,
};

/// The root of the clone.
///
/// Cargo says where it is when it runs this program: a build directory that several clones share may hold the binary
/// that another of them compiled, and what that one was compiled with may be gone.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let here = PathBuf::from(here);
        here.ancestors().nth(2).map_or_else(|| here.clone(), Path::to_path_buf)
    });
    &ROOT
}

/// Cargo, at the root of the clone.
pub(crate) fn cargo<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words).current_dir(root());
    // Cargo set these for this process; to its child they would be somebody else's.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR")
    {
        command.env_remove(name);
    }
    command
}

/// Builds a binary of the workspace and returns where Cargo put it.
pub(crate) fn build(binary: &str, profile: &str) -> Result<PathBuf> {
    built(cargo(["build", "--bin", binary, "--profile", profile]), binary)
}

/// Where Cargo put a binary when it built the tests of the whole workspace, which it does if it has not.
pub(crate) fn built_for_tests(binary: &str) -> Result<PathBuf> {
    built(cargo(["build", "--workspace", "--bin", binary, "--test", "all"]), binary)
}

fn built(mut command: Command, binary: &str) -> Result<PathBuf> {
    command.arg("--message-format=json-render-diagnostics").stdin(Stdio::null()).stderr(Stdio::inherit());
    let text = line(&command);
    let out = command.output().map_err(|source| LabError::Start { line: text.clone(), source })?;
    if !out.status.success() {
        return Err(LabError::Command { line: text, status: out.status.to_string(), output: String::new() });
    }
    let messages = String::from_utf8_lossy(&out.stdout).into_owned();
    executable(&messages, binary)
        .ok_or_else(|| LabError::missing(format!("cargo named no `{binary}`"), "see its output"))
}

fn executable(messages: &str, binary: &str) -> Option<PathBuf> {
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let found = messages.find(|message| message["target"]["name"] == binary && message["executable"].is_string())?;
    found["executable"].as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_binary_that_cargo_names() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"kubewright"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"kubewright"},"executable":"/t/debug/kubewright"}"#;
        assert_eq!(executable(messages, "kubewright"), Some(PathBuf::from("/t/debug/kubewright")));
        assert!(root().join("Cargo.lock").is_file());
    }
}
