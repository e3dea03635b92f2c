//! Runs a script where nothing of the machine can be changed, and where all machines are alike.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use time::OffsetDateTime;

use crate::{
    case::{Case, Script},
    error::{DifferentialError, Result},
    release::Release,
};

/// What a run left: the directory that it could write to.
pub(crate) struct Left {
    /// `dry` has the files of a dry run, `files` those that were really written.
    pub dir: PathBuf,
    /// Each step's text, exit status, and what it printed.
    pub steps: Vec<Step>,
    /// When it began.
    pub began: OffsetDateTime,
}

/// One line of the shell that was run.
pub(crate) struct Step {
    /// The line.
    pub line: String,
    /// Its exit status.
    pub status: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

/// Runs the script with that program as `kubeadm`; `dir` must be empty.
pub(crate) fn run(case: &Case, script: &Script, program: &Path, release: Release, dir: PathBuf) -> Result<Left> {
    let failed = |why: String| DifferentialError::Sandbox { case: case.name.clone(), why };
    fs::create_dir_all(dir.join("bin")).map_err(DifferentialError::file("make", &dir))?;
    symlink(program, dir.join("bin/kubeadm")).map_err(DifferentialError::file("link", program))?;
    for name in ["systemctl", "docker", "kubelet", "crictl"] {
        let path = dir.join("bin").join(name);
        write(&path, PROGRAM)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(DifferentialError::file("set", &path))?;
    }
    if let Some(config) = &script.config {
        write(&dir.join("config.yaml"), config)?;
    }
    for (name, text) in &case.files {
        let path = dir.join(name);
        let parent = path.parent().unwrap_or(&dir);
        fs::create_dir_all(parent).map_err(DifferentialError::file("make", parent))?;
        write(&path, text)?;
    }
    for (at, line) in script.steps.iter().enumerate() {
        write(&dir.join(format!("step{at}.sh")), line)?;
    }
    let began = OffsetDateTime::now_utc();
    let out = Command::new("unshare")
        .args(["--mount", "--net", "--uts", "--ipc", "bash", "-c", BOX])
        .env("CASE", &dir)
        .env("HOST", &case.host)
        .env("VERSION", release.to_string())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(format!("unshare: {error}")))?;
    if !out.status.success() {
        return Err(failed(String::from_utf8_lossy(&out.stderr).into_owned()));
    }
    let text = |path: PathBuf| {
        let bytes = fs::read(&path).map_err(DifferentialError::file("read", &path))?;
        Ok::<_, DifferentialError>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let mut steps = Vec::new();
    for (at, line) in script.steps.iter().enumerate() {
        let status = text(dir.join(format!("step{at}.status")))?;
        steps.push(Step {
            line: line.clone(),
            status: status.trim().parse().map_err(|_| failed(format!("a step ended with `{status}`")))?,
            stdout: text(dir.join(format!("step{at}.stdout")))?,
            stderr: text(dir.join(format!("step{at}.stderr")))?,
        });
    }
    Ok(Left { dir, steps, began })
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(DifferentialError::file("write", path))
}

const BOX: &str = include_str!("inside/box.sh");
const PROGRAM: &str = include_str!("inside/program.sh");
