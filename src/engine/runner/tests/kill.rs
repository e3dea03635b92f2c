//! Kills a run everywhere: at each checkpoint, with every torn journal, with one and with more jobs, and resumes.
#![allow(clippy::disallowed_methods, reason = "tests lay journals down by hand")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use camino::{Utf8Path, Utf8PathBuf};

use super::*;
use crate::inputs::{InputValue, Inputs};
use crate::replay::{Resume, replay, resumable};
use crate::toy::{after, silent};

/// The world and the journal as a killed process leaves them.
struct Snapshot {
    at: String,
    disk: Disk,
    outward: BTreeMap<&'static str, usize>,
    journal: Vec<u8>,
}

struct AfterG;
impl After for AfterG {
    const AFTER: &'static [&'static str] = &["g"];
}

fn every_kind() -> Workflow<Toy> {
    workflow(vec![
        made::<0, 10, ()>("a0"),
        made::<1, 20, Read<Art<0>>>("g/a1"),
        made::<2, 30, Read<Art<0>>>("g/a2"),
        after::<3, 5, Maybe<Art<0>>, AfterG>("a3"),
        made::<4, 60, (Read<Art<1>>, Read<Art<3>>)>("a4"),
        silent::<70, Read<Art<4>>, ()>("end"),
    ])
}

fn config() -> Inputs {
    Inputs::default().with("config", InputValue::Shown("the same".into()))
}

fn journal_file(dir: &Utf8Path) -> Utf8PathBuf {
    let mut runs: Vec<_> = dir.join("runs").read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect();
    runs.sort();
    runs.pop().unwrap().join("journal.jsonl")
}

/// Runs it once to its end, or to a fault, and takes a snapshot at every checkpoint.
async fn snapshots(jobs: usize, fault: Option<Fault>) -> Vec<Snapshot> {
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8Path::from_path(dir.path()).unwrap().to_owned();
    let workflow = every_kind();
    let plan = plan(&workflow, &all(), &[]);
    let journal = Journal::begin(&dir, plan.head("test", config(), None)).unwrap();
    let file = journal_file(&dir);
    let toy = Toy::default();
    toy.script("a1", Script::Pair).script("a2", Script::Quiet);
    let (seen, view) = (Arc::new(Mutex::new(Vec::new())), toy.clone());
    let taken = seen.clone();
    let faults = Faults::none().on_checkpoint(move |at| {
        // The journal first: what it says must be true of the disk, not the other way round.
        let journal = std::fs::read(&file).unwrap();
        let outward = view.0.outward.lock().unwrap().clone();
        taken.lock().unwrap().push(Snapshot { at: at.into(), disk: view.disk(), outward, journal });
    });
    let fails = fault.is_some();
    let faults = fault.into_iter().fold(faults, Faults::with);
    let ran = toy.run_with(&plan, RunOptions { faults, ..self::jobs(jobs) }, journal).await;
    assert_eq!(ran.result.is_err(), fails);
    drop(dir);
    let mut seen = seen.lock().unwrap();
    std::mem::take(&mut *seen)
}

/// Resumes after a kill, and says which phases ran.
async fn resume(
    Snapshot { disk, outward, .. }: &Snapshot,
    journal: &[u8],
    selection: &Selection,
) -> (Toy, Vec<&'static str>, BTreeSet<String>) {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(dir.path()).unwrap();
    let run = root.join("runs/000001-x");
    std::fs::create_dir_all(&run).unwrap();
    std::fs::write(run.join("journal.jsonl"), journal).unwrap();

    let toy = Toy::with(disk.clone(), 100);
    toy.script("a1", Script::Pair).script("a2", Script::Quiet);
    toy.0.outward.lock().unwrap().clone_from(outward);
    let history = replay(root, "toy").unwrap();
    if let Some(newest) = &history.newest {
        toy.recover(newest);
    }
    let (resumes, done) = match resumable(history.unfinished.as_ref(), "toy", &config(), selection) {
        Resume::Continue { run_id, done } => (Some(run_id), done),
        Resume::Fresh => (None, Done::none()),
        Resume::Refuse { why } => panic!("{why}"),
    };
    let workflow = every_kind();
    let plan = workflow.plan(Seeds::new(), selection, &done).unwrap();
    let journal = Journal::begin(root, plan.head("test", config(), resumes)).unwrap();
    toy.run_with(&plan, jobs(2), journal).await.result.unwrap();
    let ran = toy.ran();
    (toy, ran, done.phases().map(Into::into).collect())
}

fn check(at: &str, before: &Disk, toy: &Toy, ran: &[&str], done: &BTreeSet<String>) {
    let disk = toy.disk();
    for (path, text) in before.iter().filter(|(path, _)| !path.as_str().starts_with('.')) {
        assert_eq!(disk[path], *text, "at {at}: what was published is kept");
    }
    check_whole(at, toy, ran, done);
}

fn check_whole(at: &str, toy: &Toy, ran: &[&str], done: &BTreeSet<String>) {
    let disk = toy.disk();
    assert_eq!(names(&disk), ["a0", "a1", "a1.key", "a2", "a3", "a4"].into(), "at {at}: everything, and no leftovers");
    for name in ran {
        assert!(!done.iter().any(|path| path.ends_with(name)), "at {at}: {name} was repeated");
    }
    assert_eq!(disk[Utf8Path::new("a1")], disk[Utf8Path::new("a1.key")], "at {at}: the halves are of one pair");
    assert_eq!(toy.0.outward.lock().unwrap().len(), 4, "at {at}: all of the outside was poked");
    // Contents never come up twice, so what reads a0 has that a0 in it.
    let a0 = &disk[Utf8Path::new("a0")];
    for reader in ["a1", "a2", "a3", "a4"] {
        assert!(disk[Utf8Path::new(reader)].contains(a0.as_str()), "at {at}: {reader} was made of another a0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_at_any_checkpoint_is_gone_on_with() {
    for jobs in [1, 3] {
        let snapshots = snapshots(jobs, None).await;
        assert!(snapshots.len() > 40, "only {} checkpoints", snapshots.len());
        let mut continued = 0;
        for snapshot in &snapshots {
            let Snapshot { at, disk, journal, .. } = snapshot;
            let (toy, ran, done) = resume(snapshot, journal, &all()).await;
            check(at, disk, &toy, &ran, &done);
            continued += usize::from(!done.is_empty());
            // Or the record that stands before this checkpoint was just being written.
            let after_record = ["started", "scratch", "sealed", "intended", "finished"];
            if jobs == 1 && after_record.iter().any(|record| at.ends_with(&format!(":{record}"))) {
                let (toy, ran, done) = resume(snapshot, &journal[..journal.len() - 7], &all()).await;
                check(&format!("{at}, torn"), disk, &toy, &ran, &done);
            }
        }
        assert!(continued > 20, "resuming was hardly tried: {continued}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_while_a_phase_is_taken_back_takes_it_back_first() {
    let snapshots = snapshots(1, Some(Fault::FailAfter("g/a1".into()))).await;
    let taken_back = snapshots.iter().filter(|snapshot| snapshot.at.ends_with(":taken-back"));
    assert_eq!(taken_back.count(), 2, "both halves had been published");
    for snapshot in &snapshots {
        let (toy, ran, done) = resume(snapshot, &snapshot.journal, &all()).await;
        check_whole(&snapshot.at, &toy, &ran, &done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_is_swept_also_when_something_else_is_asked_for() {
    for snapshot in &snapshots(1, None).await {
        let Snapshot { at, disk, journal, .. } = snapshot;
        if !disk.contains_key(Utf8Path::new("a0")) {
            continue;
        }
        let (toy, ran, done) = resume(snapshot, journal, &only(&["g/a1"])).await;
        let disk = toy.disk();
        assert!(disk.keys().all(|path| !path.as_str().starts_with('.')), "at {at}: {disk:?}");
        assert_eq!((ran, done.len()), (vec!["a1"], 0), "at {at}: a single phase does what it is asked for");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_resumption_is_gone_on_with_too() {
    // The head of the second run carries what the first one finished.
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(dir.path()).unwrap();
    let workflow = every_kind();
    let first = plan(&workflow, &all(), &["a0", "g/a1"]);
    let head = first.head("test", config(), Some("000000-x".into()));
    drop(Journal::begin(root, head).unwrap());
    let history = replay(root, "toy").unwrap();
    assert_eq!(history.unfinished.unwrap().finished, ["a0", "g/a1"]);
}
