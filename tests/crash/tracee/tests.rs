use std::fs;
use std::path::Path;

use super::*;
use crate::call::Kind;
use crate::recording::{Op, record};

/// Ends the program before its call N; counts on.
struct KillAt {
    nth: usize,
    seen: Vec<String>,
}

impl Watcher for KillAt {
    fn before(&mut self, call: &Call) -> Then {
        self.seen.push(call.to_string());
        if self.seen.len() == self.nth { Then::Kill } else { Then::GoOn }
    }
}

/// Something that changes files in a few calls, in one thread.
fn tar(directory: &Path) -> Command {
    let mut command = Command::new("tar");
    command.args(["-C", "/proc/self", "-cf"]).arg(directory.join("made.tar")).arg("comm");
    command
}

fn run(command: &Command, program: &str, nth: usize) -> (Ended, Vec<String>) {
    let mut watcher = KillAt { nth, seen: Vec::new() };
    let ended = trace(command, OsStr::new(program), &mut watcher).unwrap();
    (ended, watcher.seen)
}

#[test]
fn a_program_is_ended_before_the_call_and_not_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("mkdir");
    command.args(["-p", "a/b/c"]).current_dir(directory.path());
    let (ended, seen) = run(&command, "mkdir", 0);
    assert!(ended.succeeded() && !ended.killed, "{ended:?}");
    let place = |name: &str| format!("mkdir {}/{name}", directory.path().canonicalize().unwrap().display());
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(seen[0], place("a"));
    for (nth, there) in [(1, None), (2, Some("a")), (3, Some("a/b"))] {
        fs::remove_dir_all(directory.path().join("a")).ok();
        let (ended, seen) = run(&command, "mkdir", nth);
        assert_eq!((ended.code, ended.killed, seen.len()), (None, true, nth));
        let left = ["a", "a/b", "a/b/c"].into_iter().rfind(|path| directory.path().join(path).exists());
        assert_eq!(left, there, "before call {nth}");
    }
}

/// Lets the call N fail.
struct FailAt(usize, Errno);

impl Watcher for FailAt {
    fn before(&mut self, _: &Call) -> Then {
        self.0 = self.0.wrapping_sub(1);
        if self.0 == 0 { Then::Fail(self.1) } else { Then::GoOn }
    }
}

#[test]
fn a_call_that_is_to_fail_is_not_made_and_the_program_is_told_why() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("mkdir");
    command.args(["a", "b", "c"]).current_dir(directory.path());
    let ended = trace(&command, OsStr::new("mkdir"), &mut FailAt(2, Errno::EIO)).unwrap();
    assert_eq!((ended.code, ended.killed), (Some(1), false));
    assert!(ended.said.contains("Input/output error"), "{ended:?}");
    assert_eq!(["a", "b", "c"].map(|name| directory.path().join(name).exists()), [true, false, true]);
}

#[test]
fn every_call_of_every_thread_is_seen_and_what_it_says_is_kept() {
    // The shell becomes tar only in the end, and what it does before does not count.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("made.tar");
    let (ended, seen) = run(&tar(directory.path()), "tar", 0);
    assert!(ended.succeeded(), "{ended:?}");
    assert!(seen.iter().any(|call| call.starts_with("creat") && call.ends_with("made.tar")), "{seen:?}");
    assert!(seen.iter().any(|call| call.starts_with("write")), "{seen:?}");
    fs::remove_file(&file).unwrap();
    let (ended, _) = run(&tar(directory.path()), "tar", 1);
    assert!(ended.killed && !file.exists());
    let (ended, seen) = run(&Command::new("false"), "false", 0);
    assert_eq!((ended.code, ended.killed, seen.len()), (Some(1), false, 0));
}

#[test]
fn a_recording_has_the_bytes_and_where_they_went() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("old"), "before").unwrap();
    let mut command = Command::new("dd");
    command.args(["if=/proc/self/comm", "of=made", "bs=2", "conv=fsync"]).current_dir(directory.path());
    let recording = record(&command, OsStr::new("dd"), directory.path()).unwrap();
    assert!(recording.ended.succeeded(), "{recording:?}");
    assert_eq!(recording.before.keys().collect::<Vec<_>>(), ["old"]);
    let writes = recording.ops.iter().filter_map(|op| match op {
        Op::Write { path, at, bytes } => Some((path.as_str(), *at, bytes.as_slice())),
        _ => None,
    });
    let writes: Vec<_> = writes.collect();
    assert_eq!(writes, [("made", 0, &b"dd"[..]), ("made", 2, &b"\n"[..])]);
    assert!(matches!(recording.ops.last(), Some(Op::Sync { path, .. }) if path == "made"), "{:?}", recording.ops);
}

#[test]
fn a_kind_names_its_object() {
    let call = Call { name: "rename", kind: Kind::Rename { from: "/a".into(), to: "/b".into() } };
    assert_eq!(call.to_string(), "rename /b");
}
