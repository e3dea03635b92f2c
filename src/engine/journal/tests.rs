//! What stands on the disk, and who may write it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::effect::FileChange;
use crate::event::Outcome;
use crate::inputs::Inputs;
use crate::selection::Selection;

fn head() -> Head {
    Head {
        format: FORMAT,
        tool: "test".into(),
        workflow: "toy".into(),
        inputs: Inputs::default(),
        selection: Selection::default(),
        steps: vec!["a".into()],
        resumes: None,
        done: Vec::new(),
        promised: Vec::new(),
        command: String::new(),
        pid: 0,
    }
}

fn root() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().join("new/dir")).unwrap();
    (dir, path)
}

fn started(phase: &str) -> Record {
    Record::Started { phase: phase.into() }
}

fn scratch(phase: &str, path: &str) -> Record {
    Record::Scratch { phase: phase.into(), path: path.into() }
}

fn finished(phase: &str) -> Record {
    Record::Finished { phase: phase.into(), outcome: Outcome::Changed }
}

#[test]
fn an_illegal_record_is_not_written() {
    let (_dir, root) = root();
    let journal = Journal::begin(&root, head()).unwrap();
    let error = journal.append(&finished("a")).unwrap_err();
    assert!(error.to_string().starts_with("a phase that is Waiting cannot get the record {"), "{error}");
    let text = fs::read_to_string(root.join(RUNS).join(journal.run_id()).join(FILE)).unwrap();
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn only_the_owner_may_read_it() {
    let (_dir, root) = root();
    let journal = Journal::begin(&root, head()).unwrap();
    let place = root.join(RUNS).join(journal.run_id());
    let mode = |path: &Utf8Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place.join(FILE)), mode(&place), mode(&root)), (0o600, 0o700, 0o700));
}

#[test]
fn runs_are_counted_and_the_oldest_forgotten() {
    let (_dir, root) = root();
    for _ in 0..KEPT_RUNS + 3 {
        Journal::begin(&root, head()).unwrap();
    }
    let ids = run_ids(&root).unwrap();
    assert_eq!((ids.len(), ids[0].0, ids[KEPT_RUNS - 1].0), (KEPT_RUNS, 23, 4));
}

#[test]
fn nothing_follows_a_failed_write() {
    let journal = Journal::onto("/dev/full".into());
    assert!(matches!(journal.append(&started("a")), Err(JournalError::Io { .. })));
    assert!(matches!(journal.append(&started("b")), Err(JournalError::Broken { .. })));
    assert!(journal.records().is_empty());
}

#[test]
fn a_file_belongs_to_one_phase_until_that_is_through() {
    let journal = Journal::discarding("test");
    let sealed = |phase: &str| Record::Sealed {
        phase: phase.into(),
        files: vec![FileChange { path: "/x".into(), staged: None, mode: 0o600, owner: None, old: None, new: None }],
    };
    for record in [started("a"), started("b"), scratch("a", "/x")] {
        journal.append(&record).unwrap();
    }
    let refused =
        |record: &Record| matches!(journal.append(record), Err(JournalError::Claimed { holder, .. }) if holder == "a");
    assert!(refused(&scratch("b", "/x")) && refused(&sealed("b")));
    assert!(!refused(&sealed("a")), "its own is its own");
    journal.append(&finished("a")).unwrap();
    journal.append(&sealed("b")).unwrap();
}

#[test]
fn threads_do_not_mix_their_lines() {
    let (_dir, root) = root();
    let journal = Journal::begin(&root, head()).unwrap();
    std::thread::scope(|scope| {
        for phase in ["a", "b", "c", "d"] {
            let journal = &journal;
            scope.spawn(move || {
                journal.append(&started(phase)).unwrap();
                for file in 0..50 {
                    journal.append(&scratch(phase, &format!("/{phase}/{file}"))).unwrap();
                }
            });
        }
    });
    let newest = crate::replay::replay(&root, "toy").unwrap().newest.unwrap();
    assert_eq!(newest.scratch.len(), 200);
}
