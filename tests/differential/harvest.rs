//! Gathers what a run left into things with names, each of them data.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    content::{self, Context, described},
    dry_run::{self, Side},
    error::{DifferentialError, Result},
    mask,
    sandbox::{Left, Step},
};

/// Everything that came out of one side of a case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Harvest {
    /// The things, by name.
    pub things: BTreeMap<String, Value>,
    /// What was said where a step failed; it is shown, not compared.
    pub complaints: Vec<String>,
}

impl Harvest {
    /// Whether a call of the program was refused. Recordings know it too, which keep no complaints.
    pub(crate) fn refuses(&self) -> bool {
        self.things.iter().any(|(name, value)| name.starts_with("exit ") && value == REFUSES)
    }
}

const REFUSES: &str = "refuses";

/// Reads what is there.
pub(crate) fn gather(left: &Left, side: Side, given: &str) -> Result<Harvest> {
    let mut harvest = Harvest::default();
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in walk(&left.dir.join("dry"))? {
        files.insert(format!("dry {}", short(&path)), path);
    }
    let real = left.dir.join("files");
    for path in walk(&real)? {
        let name = path.strip_prefix(&real).unwrap_or(&path).display().to_string();
        files.insert(format!("file /{name}"), path);
    }
    let read = |path: &Path| fs::read(path).map_err(DifferentialError::file("read", path));
    let authority = files.iter().find(|(name, _)| name.ends_with(" ca.crt") || name.ends_with("pki/ca.crt"));
    let authority = authority.map(|(_, path)| read(path)).transpose()?;
    let context = Context { authority, began: left.began };
    for (name, path) in &files {
        let mode = fs::metadata(path).map_err(DifferentialError::file("look at", path))?.permissions().mode() & 0o7777;
        let holds = described(name, &read(path)?, &context);
        harvest.things.insert(name.clone(), json!({"mode": format!("{mode:o}"), "holds": holds}));
    }
    for step in &left.steps {
        let line = step.line.lines().last().unwrap_or_default();
        let exit = exit(step).map_err(|why| DifferentialError::data(line, why))?;
        if !runs_the_program(&step.line) {
            continue;
        }
        // A line that stands twice is refused if either is.
        let name = format!("exit {line}");
        if harvest.things.get(&name).is_none_or(|before| before != REFUSES) {
            harvest.things.insert(name, json!(exit));
        }
        if step.status != 0 {
            harvest.complaints.push(complaint(&step.stderr));
            continue;
        }
        if line.contains("--dry-run") {
            let told = dry_run::read(&step.stdout, side);
            for (name, object) in told.objects {
                harvest.things.insert(format!("object {name}"), mask::object(object, &context));
            }
            if let Some(patch) = told.patch {
                harvest.things.insert("object Node patch".into(), patch);
            }
            // Newer dry runs show no patch; then this is what can be known of it.
            let marks = step.stdout.lines().filter(|line| line.starts_with("[mark-control-plane]"));
            harvest.things.insert("said about the node".into(), marks.map(Value::from).collect());
            if line.contains("token create") {
                harvest.things.insert(format!("answer to {line}"), json!(answer(&step.stdout)));
            }
            if let Some(unread) = told.unread.first() {
                return Err(DifferentialError::data(line, format!("cannot read what it prints: {unread}")));
            }
        } else if !line.contains("init phase") || line.contains("--print-manifest") {
            // What phases say while they work is for people.
            let mut printed = content::printed(&step.stdout);
            if line.starts_with("kubeadm certs") {
                mask::ends(&mut printed, left.began);
            }
            harvest.things.insert(format!("stdout {line}"), printed);
        }
    }
    let secrets =
        harvest.things.iter().filter_map(|(name, value)| Some((name.strip_prefix("object ")?.to_owned(), value)));
    let secrets: Vec<(String, &Value)> = secrets.collect();
    let names = mask::made_up(secrets.iter().map(|(name, value)| (name, *value)), given);
    harvest.things = std::mem::take(&mut harvest.things)
        .into_iter()
        .map(|(name, mut value)| {
            mask::rename(&mut value, &names);
            let mut name = Value::String(name);
            mask::rename(&mut name, &names);
            (name.as_str().unwrap_or_default().to_owned(), value)
        })
        .collect();
    Ok(harvest)
}

/// How a step ended. A program refuses with 1 to 3; anything else is a panic, a signal, the time limit, or no program. What
/// arranges the case must succeed, or the case is not what it says.
fn exit(step: &Step) -> std::result::Result<&'static str, String> {
    match step.status {
        0 => Ok("succeeds"),
        1..=3 if runs_the_program(&step.line) => Ok(REFUSES),
        status => Err(format!("ended with {status}: {}", complaint(&step.stderr))),
    }
}

/// The last line, which scripts take; each side has an authority of its own.
fn answer(stdout: &str) -> String {
    let pin =
        |word: &str| if word.starts_with("sha256:") { format!("sha256:({})", word.len()) } else { word.to_owned() };
    stdout.lines().last().unwrap_or_default().split(' ').map(pin).collect::<Vec<_>>().join(" ")
}

fn runs_the_program(line: &str) -> bool {
    line.lines().last().is_some_and(|line| line.starts_with("kubeadm "))
}

/// kubeadm's dry runs put files flat into a directory, ours keep their paths: the end of the path is what both have.
fn short(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let of_etcd = path.parent().and_then(Path::file_name).is_some_and(|parent| parent == "etcd");
    if of_etcd { format!("etcd/{name}") } else { name.into_owned() }
}

/// The first line that tells of an error.
fn complaint(stderr: &str) -> String {
    let warning = |line: &str| line.starts_with("W1") || line.starts_with("W0") || line.contains("[WARNING");
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty() && !warning(line)).collect();
    let first = lines.iter().find(|line| line.starts_with("error") || line.contains("rror:")).or(lines.first());
    first.map_or_else(String::new, |line| (*line).to_owned())
}

fn walk(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(DifferentialError::file("list", dir)(error)),
    };
    for entry in entries {
        let path = entry.map_err(DifferentialError::file("list", dir))?.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(walk(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
