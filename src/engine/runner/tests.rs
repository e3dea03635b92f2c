//! Parallel, cancelled, failed and pulled back: the world is always as one of the two sides of a phase.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Barrier, watch};

use super::*;
use crate::faults::{Fault, Faults};
use crate::graph::Workflow;
use crate::phase::{Maybe, Read};
use crate::plan::Done;
use crate::selection::Selection;
use crate::store::Seeds;
use crate::toy::{After, Art, Disk, Off, Ran, Script, Toy, jobs, made, names, only, plan, silent, skip, workflow};

mod kill;
mod model;

/// Three that read nothing, and one that reads all.
fn fan() -> Workflow<Toy> {
    workflow(vec![
        made::<0, 10, ()>("a0"),
        made::<1, 20, ()>("a1"),
        made::<2, 30, ()>("a2"),
        made::<3, 40, (Read<Art<0>>, (Read<Art<1>>, Read<Art<2>>))>("a3"),
    ])
}

/// a0 → a1 → a2.
fn chain() -> Workflow<Toy> {
    workflow(vec![made::<0, 10, ()>("a0"), made::<1, 20, Read<Art<0>>>("a1"), made::<2, 30, Read<Art<1>>>("a2")])
}

fn all() -> Selection {
    Selection::default()
}

fn disk(files: &[(&str, &str)]) -> Disk {
    files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_go_from_makers_to_readers() {
    let (toy, workflow) = (Toy::default(), fan());
    let ran = toy.run(&plan(&workflow, &all(), &[]), jobs(1)).await;
    assert_eq!(toy.disk()[camino::Utf8Path::new("a3")], "3(0(),1(),2())");
    assert_eq!(
        ran.told(),
        ["+a0", "a0 changed", "+a1", "a1 changed", "+a2", "a2 changed", "+a3", "a3 changed"],
        "one job keeps the order"
    );
    let outcomes = ran.result.unwrap().outcomes;
    assert_eq!(outcomes.iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["a0", "a1", "a2", "a3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing_and_says_so() {
    let (toy, workflow) = (Toy::default(), fan());
    toy.run(&plan(&workflow, &all(), &[]), jobs(4)).await.result.unwrap();
    let before = toy.disk();
    let again = toy.run(&plan(&workflow, &all(), &[]), jobs(4)).await.result.unwrap();
    assert!(again.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Unchanged), "{again:?}");
    assert_eq!(toy.disk(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn independent_phases_really_run_at_the_same_time() {
    let (toy, workflow) = (Toy::default(), fan());
    let barrier = Arc::new(Barrier::new(3));
    for name in ["a0", "a1", "a2"] {
        toy.script(name, Script::Meet(barrier.clone()));
    }
    let ran = toy.run(&plan(&workflow, &all(), &[]), jobs(3)).await;
    assert!(ran.result.is_ok());
    assert_eq!(ran.told()[..3], ["+a0", "+a1", "+a2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_phases_run_at_a_time_than_jobs() {
    for jobs in [1, 2] {
        let toy = Toy::default();
        for name in ["a0", "a1", "a2"] {
            toy.script(name, Script::Sleep(100));
        }
        toy.run(&plan(&fan(), &all(), &[]), self::jobs(jobs)).await.result.unwrap();
        assert!(toy.0.most_busy.load(Ordering::SeqCst) <= jobs, "{jobs} jobs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failure_running_phases_end_well_and_nothing_starts() {
    let toy = Toy::default();
    toy.script("a0", Script::Fail).script("a1", Script::Sleep(100));
    let ran = toy.run(&plan(&fan(), &all(), &[]), jobs(2)).await;
    assert_eq!(ran.told(), ["+a0", "+a1", "!a0", "a1 changed"]);
    assert_eq!(ran.failure().phase, Some("a0"));
    assert_eq!(ran.failure().failure.to_string(), "on purpose");
    assert_eq!(names(&toy.disk()), ["a1"].into(), "the failed phase is taken back, the other kept");
    assert!(matches!(ran.events.last().unwrap().kind, EventKind::RunFinished { outcome: RunOutcome::Failed }));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_while_the_run_ends_are_told_too() {
    let toy = Toy::default();
    let barrier = Arc::new(Barrier::new(2));
    toy.script("a0", Script::Meet(barrier.clone())).script("a1", Script::Meet(barrier));
    let faults = Faults::none().with(Fault::FailAfter("a0".into())).with(Fault::FailAfter("a1".into()));
    let ran = toy.run(&plan(&fan(), &all(), &[]), RunOptions { faults, ..jobs(2) }).await;
    assert_eq!(ran.failure().also.len(), 1);
    assert!(toy.disk().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_and_a_failed_commit_are_failures_that_are_taken_back() {
    for (script, text) in [(Script::Panic, "panicked: on purpose"), (Script::FailCommit, "cannot publish")] {
        let toy = Toy::default();
        toy.script("a1", script);
        let journal = Journal::discarding("test");
        let (events, _receiver) = Events::channel();
        let runner = Runner::new(Arc::new(toy.clone()), Arc::new(journal), events);
        let failed = runner.run(&plan(&chain(), &all(), &[]), jobs(2)).await.unwrap_err();
        assert_eq!((failed.phase, failed.failure.to_string().as_str()), (Some("a1"), text));
        assert_eq!(names(&toy.disk()), ["a0"].into());
        let tail = runner.journal.records().split_off(runner.journal.records().len() - 3);
        assert!(
            matches!(&tail[..], [
                Record::Failed { phase, error, .. },
                Record::RolledBack { .. },
                Record::Closed { outcome: RunOutcome::Failed }
            ] if phase == "a1" && error == &[text]),
            "{tail:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_takes_back_what_runs_and_starts_nothing() {
    let toy = Toy::default();
    toy.script("a1", Script::Hang);
    let (stop, cancel) = watch::channel(false);
    let plan = plan(&chain(), &all(), &[]);
    let stopper = async {
        while !toy.ran().contains(&"a1") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.send(true).unwrap();
    };
    let (ran, ()) = tokio::join!(toy.run(&plan, RunOptions { cancel, ..jobs(2) }), stopper);
    assert_eq!(ran.told(), ["+a0", "a0 changed", "+a1", "!a1"]);
    assert_eq!(ran.failure().phase, None);
    assert_eq!(ran.failure().failure.get_kind(), FailureKind::Cancelled);
    assert_eq!(names(&toy.disk()), ["a0"].into());
    assert!(matches!(ran.events.last().unwrap().kind, EventKind::RunFinished { outcome: RunOutcome::Cancelled }));
    // It was gone before it was taken back.
    assert_eq!(toy.0.busy.load(Ordering::SeqCst), 0);
    assert!(toy.0.late.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_before_it_begins_does_nothing() {
    let toy = Toy::default();
    let (_stop, cancel) = watch::channel(true);
    let ran = toy.run(&plan(&chain(), &all(), &[]), RunOptions { cancel, ..jobs(2) }).await;
    assert_eq!(ran.failure().failure.get_kind(), FailureKind::Cancelled);
    assert!(ran.told().is_empty() && toy.disk().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_phase_loads_what_it_reads() {
    let toy = Toy::with(disk(&[("a0", "old")]), 7);
    let ran = toy.run(&plan(&chain(), &only(&["a1"]), &[]), jobs(2)).await;
    assert_eq!(ran.told(), ["a0 loaded", "+a1", "a1 changed", "a2 left"]);
    assert_eq!(toy.disk()[camino::Utf8Path::new("a1")], "7(old)");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_loaded_is_told_before_anything_changes() {
    struct AfterNothing;
    impl After for AfterNothing {
        const AFTER: &'static [&'static str] = &[];
    }
    // Ranks say that `first` runs before anything else; the load goes before it all the same.
    let workflow = workflow(vec![
        silent::<1, (), AfterNothing>("quiet"),
        made::<4, 1, ()>("first"),
        made::<0, 10, ()>("g/a0"),
        made::<1, 20, Read<Art<0>>>("a1"),
    ]);
    for jobs in [1, 4] {
        let toy = Toy::default();
        let ran = toy.run(&plan(&workflow, &skip(&["g/a0"]), &[]), self::jobs(jobs)).await;
        assert_eq!(ran.told(), ["!g/a0"]);
        assert!(toy.disk().is_empty() && toy.ran().is_empty());
        let failure = &ran.failure().failure;
        assert_eq!(
            failure.to_string(),
            "`a1` needs `a0`, which is not there, and `g/a0`, which makes it, does not run: skipped"
        );
        assert_eq!(failure.hints(), ["run `kubewright toy phase g a0` first"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_looked_for_in_its_place_not_at_the_start() {
    // a9 waits until a8's work shows; skipping it must not ask before a8 has run.
    struct AfterA8;
    impl After for AfterA8 {
        const AFTER: &'static [&'static str] = &["a8"];
    }
    let workflow = workflow(vec![
        made::<8, 10, ()>("a8"),
        crate::toy::after::<9, 20, (), AfterA8>("a9"),
        made::<0, 30, Read<Art<9>>>("a0"),
    ]);
    let toy = Toy::default();
    let ran = toy.run(&plan(&workflow, &skip(&["a9"]), &[]), jobs(2)).await;
    assert_eq!(ran.told(), ["+a8", "a8 changed", "a9 loaded", "+a0", "a0 changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_do_without_gets_nothing_of_what_is_not_there_or_does_not_apply() {
    let workflow = workflow(vec![made::<0, 10, ()>("a0"), made::<1, 20, Maybe<Art<0>>>("a1")]);
    let toy = Toy::default();
    let ran = toy.run(&plan(&workflow, &skip(&["a0"]), &[]), jobs(1)).await;
    // Its place in the order ends when its reader, which could have called for it, is through.
    assert_eq!(ran.told(), ["+a1", "a1 changed", "a0 left"]);
    assert_eq!(toy.disk()[camino::Utf8Path::new("a1")], "0(none)");

    let toy = Toy::default();
    let plan = workflow.plan(Seeds::new().with(Off(vec![0])), &all(), &Done::none()).unwrap();
    assert_eq!(toy.run(&plan, jobs(1)).await.told(), ["a0 left", "+a1", "a1 changed"]);
    assert!(toy.0.loads.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_apply_is_told_in_its_place_unless_it_was_not_asked_for() {
    let workflow = fan();
    let off = || Seeds::new().with(Off(vec![1]));
    let notes = |ran: &Ran| -> Vec<String> {
        let note = |event: &crate::event::Event| match &event.kind {
            EventKind::Note { phase, tag, text } => Some(format!("{phase} [{tag}] {text}")),
            _ => None,
        };
        ran.events.iter().filter_map(note).collect()
    };
    let whole = workflow.plan(off(), &skip(&["a3"]), &Done::none()).unwrap();
    let ran = Toy::default().run(&whole, jobs(1)).await;
    assert_eq!(notes(&ran), ["a1 [toy] switched off", "a0 [toy] a0", "a2 [toy] a2"]);
    let skipped = workflow.plan(off(), &skip(&["a1", "a3"]), &Done::none()).unwrap();
    let ran = Toy::default().run(&skipped, jobs(1)).await;
    assert_eq!(notes(&ran), ["a0 [toy] a0", "a2 [toy] a2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_fails_fails_the_run() {
    let toy = Toy::with(disk(&[("a0", "x")]), 0);
    toy.script("a0", Script::BadLoad);
    let ran = toy.run(&plan(&chain(), &only(&["a1"]), &[]), jobs(1)).await;
    assert_eq!((ran.failure().phase, ran.told()), (Some("a0"), vec!["!a0".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_run_repeats_no_finished_phase() {
    let toy = Toy::with(disk(&[("a0", "old0"), ("a1", "old1")]), 7);
    let ran = toy.run(&plan(&chain(), &all(), &["a0", "a1"]), jobs(1)).await;
    assert_eq!(ran.told(), ["a0 loaded", "a1 loaded", "+a2", "a2 changed"]);
    assert_eq!(toy.disk()[camino::Utf8Path::new("a2")], "7(old1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_phase_whose_value_has_vanished_runs_again_with_its_inputs() {
    let toy = Toy::with(disk(&[("a0", "old0")]), 7);
    let ran = toy.run(&plan(&chain(), &all(), &["a0", "a1"]), jobs(1)).await;
    assert_eq!(ran.told(), ["a0 loaded", "+a1", "a1 changed", "+a2", "a2 changed"]);
    assert_eq!(toy.disk()[camino::Utf8Path::new("a1")], "7(old0)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_value_that_only_a_vanished_one_needs_is_made_again_too() {
    let toy = Toy::default();
    let ran = toy.run(&plan(&chain(), &all(), &["a0", "a1"]), jobs(1)).await;
    assert_eq!(ran.told(), ["+a0", "a0 changed", "+a1", "a1 changed", "+a2", "a2 changed"]);
    assert_eq!(toy.disk()[camino::Utf8Path::new("a2")], "2(1(0()))");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_value_that_nobody_needs_any_more_is_not_made_again() {
    let toy = Toy::with(disk(&[("a1", "old1")]), 7);
    let ran = toy.run(&plan(&chain(), &all(), &["a0", "a1"]), jobs(1)).await;
    assert_eq!(ran.told(), ["a1 loaded", "a0 left", "+a2", "a2 changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_value_is_not_made_again_when_its_inputs_may_not_run() {
    let toy = Toy::default();
    let ran = toy.run(&plan(&chain(), &skip(&["a0"]), &["a1"]), jobs(1)).await;
    assert_eq!((ran.failure().phase, ran.told()), (Some("a0"), vec!["!a0".to_owned()]));
    assert!(ran.failure().failure.to_string().starts_with("`a1` needs `a0`"), "{}", ran.failure().failure);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_phases_that_write_one_file_at_a_time_fail_the_run() {
    let writers = |together: usize| {
        let (toy, barrier) = (Toy::default(), Arc::new(Barrier::new(together)));
        toy.script("a0", Script::Write("shared", barrier.clone())).script("a1", Script::Write("shared", barrier));
        toy
    };
    let ran = writers(2).run(&plan(&fan(), &all(), &[]), jobs(2)).await;
    let text = ran.failure().failure.to_string();
    assert!(
        text.contains("writes `.shared.new` while `") && text.ends_with("which writes it too, is going on"),
        "{text}"
    );
    assert!(writers(1).run(&plan(&fan(), &all(), &[]), jobs(1)).await.result.is_ok(), "one after the other may");
}

async fn with_fault(fault: Fault) -> (Toy, Ran) {
    let toy = Toy::default();
    let faults = Faults::none().with(fault);
    let ran = toy.run(&plan(&chain(), &all(), &[]), RunOptions { faults, ..jobs(1) }).await;
    (toy, ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn injected_faults_leave_the_world_as_before_the_phase() {
    // a1 records: scratch, intended, settled, sealed.
    let records = (1..=4).map(|nth| Fault::FailRecord { phase: "a1".into(), nth });
    let places = [Fault::FailBefore("a1".into()), Fault::FailAfter("a1".into())];
    for fault in records.chain(places) {
        let (toy, ran) = with_fault(fault.clone()).await;
        assert_eq!(ran.failure().phase, Some("a1"), "{fault:?}");
        assert_eq!(names(&toy.disk()), ["a0"].into(), "{fault:?}");
    }
    let (_, ran) = with_fault(Fault::FailRecord { phase: "a1".into(), nth: 5 }).await;
    assert!(ran.result.is_ok(), "there is no fifth record; this test knows them all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_phase_must_find_its_own_work() {
    let (toy, ran) = with_fault(Fault::Repeat("a1".into())).await;
    assert_eq!(toy.ran(), ["a0", "a1", "a1", "a2"]);
    assert_eq!(ran.told()[2..4], ["+a1", "a1 changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_written_fails_the_phase() {
    let toy = Toy::default();
    let full = Journal::onto("/dev/full".into());
    let ran = toy.run_with(&plan(&chain(), &all(), &[]), jobs(1), full).await;
    assert_eq!(ran.failure().phase, Some("a0"));
    assert!(ran.failure().failure.to_string().starts_with("cannot write the journal `/dev/full`: "));
    assert!(toy.disk().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_phase_ends_once_in_the_events() {
    for jobs in [1, 2, 8] {
        let toy = Toy::with(disk(&[("a0", "old")]), 0);
        let told = toy.run(&plan(&fan(), &skip(&["a0"]), &["a1"]), self::jobs(jobs)).await.told();
        for path in ["a0", "a1", "a2", "a3"] {
            assert_eq!(told.iter().filter(|line| line.starts_with(path)).count(), 1, "{path} in {told:?}");
        }
    }
}
