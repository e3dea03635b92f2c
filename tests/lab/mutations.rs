//! `cargo lab mutations`: the tests are tested. Deliberate bugs in the transaction, the journal, recovery and outward
//! effects are written into a copy of those crates, all of them at once, each behind a switch in the environment; then the
//! test that must notice is run once with each. The product's own source has none of this in it, and an edit that does not
//! fit any more is a failure, so the table cannot rot.

mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use crate::{
    error::{LabError, Result},
    program::{capture, failed},
    say, workspace,
};
use table::{Mutation, TABLE};

/// The crates that are copied: those with bugs, those whose tests notice, and what they need.
const CRATES: &[&str] = &["value", "engine", "node", "host", "testkit"];

/// The switch.
const SWITCH: &str = "KUBEWRIGHT_MUTATION";

/// Plants the bugs, and runs the tests; prints a table.
///
/// # Errors
/// An edit does not fit, a test fails without any bug, or does not notice its bug.
pub(crate) fn run() -> Result<usize> {
    let start = Instant::now();
    let tree = plant()?;
    let tests = build(&tree)?;
    say::step(&format!("mutations: planted and built in {:.0} s", start.elapsed().as_secs_f64()));
    let mut missed = Vec::new();
    let healthy: BTreeSet<_> = TABLE.iter().map(|mutation| (mutation.tests, mutation.caught_by)).collect();
    for (name, test) in healthy {
        if let Verdict::Caught(said) = judge(&tests, name, test, None)? {
            return Err(LabError::missing(format!("{name}: {test} fails without any bug"), said));
        }
    }
    for mutation in TABLE {
        let begun = Instant::now();
        let verdict = judge(&tests, mutation.tests, mutation.caught_by, Some(mutation.name))?;
        let word = match verdict {
            Verdict::Caught(_) => "caught",
            Verdict::Missed => "MISSED",
        };
        if matches!(verdict, Verdict::Missed) {
            missed.push(mutation.name);
        }
        let took = begun.elapsed().as_millis();
        say::answer(&format!("{word}  {:<50} {}: {}  {took} ms", mutation.name, mutation.tests, mutation.caught_by));
    }
    say::answer(&format!("{} of {} deliberate bugs caught", TABLE.len() - missed.len(), TABLE.len()));
    match missed.as_slice() {
        [] => Ok(TABLE.len()),
        missed => Err(LabError::missing(format!("nobody noticed {}", missed.join(", ")), "a test must")),
    }
}

/// Copies the crates and writes every bug into them, each behind its switch.
fn plant() -> Result<PathBuf> {
    let root = workspace::root();
    let tree = target().join("mutations");
    let mut edits: BTreeMap<&str, String> = BTreeMap::new();
    for Mutation { name, file, old, new, .. } in TABLE {
        let text = match edits.remove(file) {
            Some(text) => text,
            None => read(&root.join(file))?,
        };
        edits.insert(file, edited(name, file, &text, old, new)?);
    }
    let library = "src/engine/lib.rs";
    let text = read(&root.join(library))? + HOOK;
    edits.insert(library, text);
    for name in CRATES {
        let mut kept = BTreeSet::new();
        copy(&root.join("src").join(name), &tree.join("src").join(name), root, &edits, &mut kept)?;
    }
    let manifest = read(&root.join("Cargo.toml"))?;
    let head = manifest.find("[workspace.package]").unwrap_or_default();
    let end = manifest.find("[package]").unwrap_or(manifest.len());
    let members: Vec<String> = CRATES.iter().map(|name| format!("\"src/{name}\"")).collect();
    let manifest =
        format!("[workspace]\nmembers = [{}]\nresolver = \"3\"\n\n{}", members.join(", "), &manifest[head..end]);
    write(&tree.join("Cargo.toml"), &manifest)?;
    write(&tree.join("Cargo.lock"), &read(&root.join("Cargo.lock"))?)?;
    Ok(tree)
}

/// The text with one bug in it.
fn edited(name: &str, file: &str, text: &str, old: &str, new: &str) -> Result<String> {
    let places = text.matches(old).count();
    if places != 1 {
        let what = format!("the mutation `{name}` fits {file} in {places} places");
        return Err(LabError::missing(what, "write it anew: what it replaces must stand there once"));
    }
    let path = if file.starts_with("src/engine/") { "crate" } else { "kubewright_engine" };
    let switch = format!("{path}::mutated(\"{name}\")");
    let planted = match new {
        // Where the switch is a part of what stands there.
        new if new.contains("SWITCH") => new.replace("SWITCH", &switch),
        new if old.ends_with(';') => format!("if {switch} {{ {new} }} else {{ {old} }}"),
        new => format!("(if {switch} {{ {new} }} else {{ {old} }})"),
    };
    Ok(text.replacen(old, &planted, 1))
}

/// Asks for the switch at run time.
const HOOK: &str = "\n/// Whether a deliberate bug is switched on.\npub fn mutated(name: &str) -> bool {\n    \
                    std::env::var(\"KUBEWRIGHT_MUTATION\").is_ok_and(|on| on == name)\n}\n";

/// Copies a directory, with the edits; what is the same already is not touched, so that it is not compiled again.
fn copy(
    from: &Path,
    to: &Path,
    root: &Path,
    edits: &BTreeMap<&str, String>,
    kept: &mut BTreeSet<PathBuf>,
) -> Result<()> {
    fs::create_dir_all(to).map_err(LabError::file("make", to))?;
    for entry in fs::read_dir(from).map_err(LabError::file("list", from))? {
        let path = entry.map_err(LabError::file("list", from))?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        kept.insert(target.clone());
        if path.is_dir() {
            copy(&path, &target, root, edits, kept)?;
            continue;
        }
        let name = path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default();
        match edits.get(name) {
            Some(text) => write(&target, text)?,
            None => write(&target, &read(&path)?)?,
        }
    }
    // What the clone has no more.
    for entry in fs::read_dir(to).map_err(LabError::file("list", to))? {
        let path = entry.map_err(LabError::file("list", to))?.path();
        if !kept.contains(&path) {
            crate::layout::remove(&path)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(LabError::file("read", path))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(LabError::file("write", path))
}

/// Where Cargo builds, beside which the copy stands: the build of the dependencies is shared.
fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => workspace::root().join("target"),
    }
}

/// Builds the copy's tests; gives each crate's binary.
fn build(tree: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = workspace::cargo(["test", "--workspace", "--lib", "--no-run", "--offline"]);
    command.arg("--message-format=json-render-diagnostics").current_dir(tree).stdin(Stdio::null());
    command.env("CARGO_TARGET_DIR", target()).env("RUSTFLAGS", "-Awarnings");
    let out = capture(&mut command)?;
    if !out.status.success() {
        return Err(failed(&command, &out));
    }
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let binaries = messages.filter_map(|message| {
        let name = message["target"]["name"].as_str()?.strip_prefix("kubewright_")?.to_owned();
        message["profile"]["test"].as_bool().filter(|test| *test)?;
        Some((name, PathBuf::from(message["executable"].as_str()?)))
    });
    Ok(binaries.collect())
}

/// What came of a test.
enum Verdict {
    Caught(String),
    Missed,
}

fn judge(tests: &BTreeMap<String, PathBuf>, name: &str, test: &str, bug: Option<&str>) -> Result<Verdict> {
    let binary = tests.get(name).ok_or_else(|| LabError::missing(format!("no tests of {name}"), "see the build"))?;
    let mut command = Command::new(binary);
    command.args(["--exact", test]).env_remove(SWITCH);
    if let Some(bug) = bug {
        command.env(SWITCH, bug);
    }
    let out = capture(&mut command)?;
    let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    if !said.contains("running 1 test\n") {
        return Err(LabError::missing(format!("{name} has no test {test}"), "name another one in the table"));
    }
    Ok(if out.status.success() { Verdict::Missed } else { Verdict::Caught(said) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The whole of it takes a build; that every edit still fits is seen at once.
    #[test]
    fn every_mutation_fits_and_has_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        for Mutation { name, file, old, new, .. } in TABLE {
            assert!(names.insert(name), "{name} twice");
            edited(name, file, &read(&workspace::root().join(file)).unwrap(), old, new).unwrap();
        }
        assert!(TABLE.len() >= 15);
    }
}
