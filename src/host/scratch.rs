//! Names of temporary files, and how to tell ours from everybody else's. They begin with a dot because the kubelet reads
//! every other file in its manifests directory.

use camino::{Utf8Path, Utf8PathBuf};

/// Where a file's new contents wait: `.NAME.RUN.new` beside it.
pub(crate) fn of_file(target: &Utf8Path, run_id: &str) -> Utf8PathBuf {
    beside(target, run_id)
}

/// Where a new directory gets its mode before it appears. Phases make the same parents, so each has a name of its own.
pub(crate) fn of_directory(target: &Utf8Path, run_id: &str, phase: &str) -> Utf8PathBuf {
    beside(target, &format!("{run_id}-{}", phase.replace('/', "-")))
}

/// Whether the path is a temporary file or directory of that run.
pub(crate) fn belongs_to(path: &Utf8Path, run_id: &str) -> bool {
    path.file_name().and_then(owner).is_some_and(|owner| is_of(owner, run_id))
}

/// Whether the name is a temporary file or directory of any real run.
pub(crate) fn is_scratch(name: &str) -> bool {
    owner(name).is_some_and(is_run)
}

/// Whether the name is a temporary file or directory for `target` that a run other than `run_id` left.
pub(crate) fn is_stray(name: &str, target: &str, run_id: &str) -> bool {
    let owner =
        name.strip_prefix('.').and_then(|rest| rest.strip_prefix(target)?.strip_prefix('.')?.strip_suffix(".new"));
    owner.is_some_and(|owner| is_run(owner) && !is_of(owner, run_id))
}

/// Whether the run, or one of its phases, owns it.
fn is_of(owner: &str, run_id: &str) -> bool {
    owner == run_id || owner.strip_prefix(run_id).is_some_and(|rest| rest.starts_with('-'))
}

fn beside(target: &Utf8Path, owner: &str) -> Utf8PathBuf {
    target.with_file_name(format!(".{}.{owner}.new", target.file_name().unwrap_or_default()))
}

/// What stands between the last two dots of `.NAME.OWNER.new`.
fn owner(name: &str) -> Option<&str> {
    let (target, owner) = name.strip_prefix('.')?.strip_suffix(".new")?.rsplit_once('.')?;
    (!target.is_empty()).then_some(owner)
}

/// The engine's identifiers look like `000001-20260102T030405Z`; anything looser might be a user's file.
fn is_run(owner: &str) -> bool {
    let mut parts = owner.splitn(3, '-');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = parts.next().is_some_and(|number| number.len() >= 6 && digits(number));
    let time = parts.next().and_then(|time| time.strip_suffix('Z')?.split_once('T'));
    number && time.is_some_and(|(day, clock)| day.len() == 8 && clock.len() == 6 && digits(day) && digits(clock))
}

#[cfg(test)]
mod tests;
