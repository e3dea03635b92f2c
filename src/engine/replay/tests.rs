//! What is read back from whole, torn and damaged journals.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::event::Outcome;
use crate::inputs::InputValue;
use crate::journal::Journal;

fn inputs(config: &str) -> Inputs {
    Inputs::default().with("the file of --config", InputValue::Hidden(Digest(config.into())))
}

fn head(workflow: &str, config: &str, only: &[&str]) -> Head {
    Head {
        format: FORMAT,
        tool: "test".into(),
        workflow: workflow.into(),
        inputs: inputs(config),
        selection: Selection { only: only.iter().map(ToString::to_string).collect(), skip: Vec::new() },
        steps: Vec::new(),
        resumes: None,
        done: Vec::new(),
        promised: Vec::new(),
        command: "kubewright toy".into(),
        pid: 7,
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).unwrap()
    }

    /// Writes a run with these records after its head.
    fn run(&self, head: Head, records: &[Record]) -> Utf8PathBuf {
        let journal = Journal::begin(self.root(), head).unwrap();
        records.iter().for_each(|record| journal.append(record).unwrap());
        self.root().join(RUNS).join(journal.run_id()).join(FILE)
    }

    fn newest(&self) -> Replay {
        replay(self.root(), "toy").unwrap().newest.unwrap()
    }
}

fn started(phase: &str) -> Record {
    Record::Started { phase: phase.into() }
}

fn finished(phase: &str) -> Record {
    Record::Finished { phase: phase.into(), outcome: Outcome::Changed }
}

fn failed(phase: &str) -> Record {
    Record::Failed { phase: phase.into(), error: vec!["no".into()], halfway: false }
}

fn change(path: &str, old: Option<&str>, new: &str) -> FileChange {
    let digest = |text: &str| Digest(text.into());
    let staged = Some(format!("{path}.{new}").into());
    FileChange { path: path.into(), staged, mode: 0o600, owner: None, old: old.map(digest), new: Some(digest(new)) }
}

fn sealed(phase: &str, files: Vec<FileChange>) -> Record {
    Record::Sealed { phase: phase.into(), files }
}

fn closed(outcome: RunOutcome) -> Record {
    Record::Closed { outcome }
}

/// A run with every kind of record.
fn long() -> Vec<Record> {
    let effect = Effect::new("restart", "it");
    vec![
        started("a"),
        Record::Scratch { phase: "a".into(), path: "/a.tmp".into() },
        started("b"),
        sealed("a", vec![change("/a", None, "1")]),
        Record::Intended { phase: "a".into(), id: 0, effect: effect.clone() },
        Record::Settled { id: 0, ok: true },
        finished("a"),
        Record::Intended { phase: "b".into(), id: 1, effect },
        failed("b"),
        Record::RolledBack { phase: "b".into() },
        closed(RunOutcome::Failed),
    ]
}

#[test]
fn a_journal_cut_anywhere_is_read_as_far_as_it_is_whole() {
    let place = Place::new();
    let file = place.run(head("toy", "d", &[]), &long());
    let text = fs::read(&file).unwrap();
    let mut lines = 0;
    for cut in 0..=text.len() {
        fs::write(&file, &text[..cut]).unwrap();
        let newest = replay(place.root(), "toy").unwrap().newest;
        lines = text[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(newest.is_some(), lines > 0, "cut at {cut}");
        let Some(newest) = newest else { continue };
        assert_eq!(newest.finished.len(), usize::from(lines > 7), "cut at {cut}");
        assert_eq!(newest.unfinished.len(), usize::from((5..=7).contains(&lines)), "cut at {cut}");
        assert_eq!(newest.scratch.len(), usize::from(lines > 2), "cut at {cut}");
        assert_eq!(newest.unsettled.len(), usize::from(lines == 6 || lines > 8), "cut at {cut}");
        assert_eq!(newest.closed.is_some(), lines > 11, "cut at {cut}");
    }
    assert_eq!(lines, 12);
}

#[test]
fn what_cannot_be_loaded_has_finished_all_the_same() {
    let place = Place::new();
    let head = Head { done: vec!["a".into()], ..head("toy", "d", &[]) };
    place.run(head, &[failed("a"), closed(RunOutcome::Failed)]);
    assert_eq!(place.newest().finished, ["a"]);
}

#[test]
fn what_a_power_cut_leaves_behind_the_last_line_is_dropped() {
    let place = Place::new();
    let file = place.run(head("toy", "d", &[]), &[started("a"), finished("a")]);
    let mut text = fs::read(&file).unwrap();
    text.extend([0; 100]);
    fs::write(&file, text).unwrap();
    assert_eq!(place.newest().finished, ["a"]);
}

#[test]
fn other_damage_is_an_error_that_names_the_line() {
    let place = Place::new();
    let file = place.run(head("toy", "d", &[]), &long());
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let broken = [lines[..3].join("\n"), "{\"record\":\"fini".into(), lines[3..].join("\n"), String::new()].join("\n");
    fs::write(&file, broken).unwrap();
    let error = replay(place.root(), "toy").unwrap_err();
    assert!(matches!(&error, JournalError::Damaged { path, line: 4, .. } if *path == file), "{error:?}");

    let without_start = [lines[0], lines[4], ""].join("\n");
    fs::write(&file, without_start).unwrap();
    let error = replay(place.root(), "toy").unwrap_err();
    assert!(matches!(&error, JournalError::Damaged { line: 2, .. }), "{error:?}");
}

/// A power cut may keep what was written last and lose what came before; where it was, zeros stand.
#[test]
fn a_hole_ends_the_journal_where_nothing_after_it_was_flushed() {
    let place = Place::new();
    let file = place.run(head("toy", "d", &[]), &long());
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let flushed = |line: &String| serde_json::from_str(line).is_ok_and(|record: Record| durable(&record));
    let last = lines.iter().rposition(flushed).unwrap();
    assert!(last > 1 && last + 1 < lines.len(), "{lines:?}");
    let with_hole = |at: usize, end: usize| {
        let mut lines = lines[..end].to_vec();
        lines[at] = "\0".repeat(lines[at].len());
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        replay(place.root(), "toy")
    };
    for at in 1..lines.len() {
        match with_hole(at, lines.len()) {
            Ok(history) => {
                // Of a record that is gone nobody knows whether it was flushed.
                assert!(at >= last, "line {at} was flushed");
                let newest = history.newest.unwrap();
                fs::write(&file, lines[..at].join("\n") + "\n").unwrap();
                let cut = replay(place.root(), "toy").unwrap().newest.unwrap();
                assert_eq!((newest.finished, newest.unfinished), (cut.finished, cut.unfinished), "before line {at}");
            }
            Err(error) => assert!(at < last && matches!(error, JournalError::Damaged { .. }), "line {at}: {error:?}"),
        }
    }
    // The last of all was being flushed when the power was cut: it may be there, and what is before it not.
    assert!(with_hole(last - 1, last + 1).is_ok());
    assert!(with_hole(0, 1).unwrap().newest.is_none(), "not even the head");
}

#[test]
fn a_newer_format_is_refused_whatever_else_it_holds() {
    let place = Place::new();
    let file = place.run(head("toy", "d", &[]), &[]);
    fs::write(&file, "{\"record\":\"overture\",\"format\":2}\n{\"?\":1}\n").unwrap();
    let error = replay(place.root(), "toy").unwrap_err();
    assert!(matches!(error, JournalError::Format { found: 2, .. }), "{error:?}");
}

#[test]
fn a_file_that_was_promised_twice_keeps_its_last_promise() {
    let place = Place::new();
    let records = [
        started("a"),
        sealed("a", vec![change("/x", None, "1"), change("/y", None, "1")]),
        sealed("a", vec![change("/x", Some("1"), "2")]),
    ];
    place.run(head("toy", "d", &[]), &records);
    let unfinished = place.newest().unfinished;
    assert_eq!(unfinished[0].files, [change("/y", None, "1"), change("/x", Some("1"), "2")]);
    assert_eq!(unfinished[0].roll, Roll::Forward);
}

#[test]
fn a_phase_that_was_being_taken_back_goes_on_that_way() {
    let place = Place::new();
    let mut records = vec![started("a"), sealed("a", vec![change("/x", None, "1")]), failed("a")];
    place.run(head("toy", "d", &[]), &records);
    assert_eq!(place.newest().unfinished[0].roll, Roll::Back);
    records.push(Record::RolledBack { phase: "a".into() });
    place.run(head("toy", "d", &[]), &records);
    assert!(place.newest().unfinished.is_empty());
}

#[test]
fn a_phase_that_failed_between_two_of_its_files_goes_on_forward() {
    let place = Place::new();
    let failed = Record::Failed { phase: "a".into(), error: vec!["no".into()], halfway: true };
    place.run(head("toy", "d", &[]), &[started("a"), sealed("a", vec![change("/x", None, "1")]), failed]);
    let newest = place.newest();
    assert_eq!(newest.unfinished[0].roll, Roll::Forward);
    assert_eq!((newest.finished.len(), newest.phases["a"]), (0, Status::Failed));
}

#[test]
fn a_finished_phase_that_started_again_is_not_finished() {
    let place = Place::new();
    let done = vec!["a".into(), "b".into()];
    place.run(Head { done, ..head("toy", "d", &[]) }, &[started("a")]);
    assert_eq!(place.newest().finished, ["b"]);
}

#[test]
fn single_phases_do_not_hide_a_whole_run_that_stopped() {
    let place = Place::new();
    place.run(head("toy", "d", &[]), &[started("a"), finished("a"), started("b")]);
    place.run(head("toy", "d", &["b"]), &[started("b"), finished("b"), closed(RunOutcome::Succeeded)]);
    place.run(head("other", "d", &[]), &[closed(RunOutcome::Succeeded)]);
    let history = replay(place.root(), "toy").unwrap();
    assert_eq!(history.newest.unwrap().head.workflow, "other");
    assert_eq!(history.unfinished.unwrap().finished, ["a"]);
}

#[test]
fn a_run_that_failed_or_was_stopped_can_be_gone_on_with() {
    for outcome in [RunOutcome::Failed, RunOutcome::Cancelled] {
        let place = Place::new();
        place.run(head("toy", "d", &[]), &[started("a"), finished("a"), closed(outcome)]);
        assert_eq!(replay(place.root(), "toy").unwrap().unfinished.unwrap().closed, Some(outcome));
    }
}

#[test]
fn a_whole_run_that_succeeded_ends_the_story() {
    let place = Place::new();
    place.run(head("toy", "d", &[]), &[started("a"), finished("a")]);
    place.run(head("toy", "d", &[]), &[closed(RunOutcome::Succeeded)]);
    let history = replay(place.root(), "toy").unwrap();
    assert!(history.unfinished.is_none() && history.newest.is_some());
    forget(place.root()).unwrap();
    forget(place.root()).unwrap();
    assert!(replay(place.root(), "toy").unwrap().newest.is_none());
}

#[test]
fn a_run_goes_on_only_with_its_own_configuration() {
    let place = Place::new();
    place.run(head("toy", "old", &[]), &[started("a"), finished("a"), started("b")]);
    let newest = place.newest();
    let (all, some) = (Selection::default(), Selection { only: vec!["a".into()], skip: Vec::new() });
    let decide = |replay: Option<&Replay>, config: &str, selection: &Selection| {
        resumable(replay, "toy", &inputs(config), selection)
    };
    let done = Done::of(["a"]);
    assert_eq!(
        decide(Some(&newest), "old", &all),
        Resume::Continue { run_id: newest.run_id.clone(), done: done.clone() }
    );
    let skipping = Selection { only: Vec::new(), skip: vec!["b".into()] };
    assert_eq!(decide(Some(&newest), "old", &skipping), Resume::Continue { run_id: newest.run_id.clone(), done });
    let Resume::Refuse { why } = decide(Some(&newest), "new", &all) else { panic!("not refused") };
    let told = "finished 1 phase with another configuration: the file of --config has changed";
    assert!(why.contains(&newest.run_id) && why.ends_with(told), "{why}");
    assert_eq!(decide(Some(&newest), "new", &some), Resume::Fresh, "single phases do as they are told");
    assert_eq!(decide(None, "old", &all), Resume::Fresh);

    let nothing = Replay { finished: Vec::new(), ..newest.clone() };
    assert_eq!(decide(Some(&nothing), "new", &all), Resume::Fresh, "nothing was done with the old one");
    let succeeded = Replay { closed: Some(RunOutcome::Succeeded), ..newest };
    assert_eq!(decide(Some(&succeeded), "new", &all), Resume::Fresh);
}

#[test]
fn the_newest_promise_of_a_file_counts_whoever_made_it() {
    let place = Place::new();
    let files = |new: &str| vec![change("/x", None, new), change("/y", None, new)];
    place.run(head("toy", "d", &[]), &[started("a"), sealed("a", files("1")), finished("a"), started("b")]);
    place
        .run(head("toy", "d", &["c"]), &[started("c"), sealed("c", vec![change("/x", Some("1"), "2")]), finished("c")]);
    let promised = replay(place.root(), "toy").unwrap().unfinished.unwrap().promised;
    let told: Vec<_> = promised.iter().map(|promise| (promise.phase.as_str(), promise.path.as_str())).collect();
    assert_eq!(told, [("a", "/x"), ("a", "/y")]);
    assert_eq!(promised[0].digest, Some(Digest("2".into())), "a later command made it so");
    assert_eq!(promised[1].digest, Some(Digest("1".into())));
}

#[test]
fn promises_are_carried_from_run_to_run_and_end_with_a_phase_that_is_taken_back() {
    let place = Place::new();
    let promise =
        |phase: &str, path: &str| Promise { phase: phase.into(), path: path.into(), digest: Some(Digest("1".into())) };
    let head = Head {
        done: vec!["a".into(), "b".into()],
        promised: vec![promise("a", "/a"), promise("b", "/b")],
        ..head("toy", "d", &[])
    };
    let taken_back = [started("c"), sealed("c", vec![change("/b", Some("1"), "2")]), failed("c")];
    let records = taken_back.into_iter().chain([Record::RolledBack { phase: "c".into() }]).collect::<Vec<_>>();
    place.run(head, &records);
    assert_eq!(place.newest().promised, [promise("a", "/a")], "nobody knows what became of /b");
}

#[test]
fn what_stands_of_a_phase_that_did_not_finish_is_told() {
    let place = Place::new();
    let intended = |id, object: &str| Record::Intended { phase: "a".into(), id, effect: Effect::new("apply", object) };
    let mut records = vec![
        started("a"),
        intended(0, "one"),
        Record::Settled { id: 0, ok: true },
        intended(1, "two"),
        Record::Settled { id: 1, ok: false },
        intended(2, "three"),
    ];
    place.run(head("toy", "d", &[]), &records);
    let newest = place.newest();
    let told: Vec<_> = newest.standing.iter().map(|stands| (stands.effect.object.as_str(), stands.sure)).collect();
    assert_eq!(told, [("one", true), ("two", false), ("three", false)]);
    records.push(finished("a"));
    place.run(head("toy", "d", &[]), &records);
    assert!(place.newest().standing.is_empty(), "it finished, and so did they");
}

#[test]
fn a_survey_goes_back_to_the_whole_run_and_over_what_cannot_be_read() {
    let place = Place::new();
    place.run(head("toy", "d", &[]), &[closed(RunOutcome::Succeeded)]);
    place.run(head("toy", "d", &[]), &[started("a"), failed("a")]);
    let damaged = place.run(head("toy", "d", &[]), &[]);
    fs::write(&damaged, "{}\n").unwrap();
    place.run(head("toy", "d", &["b"]), &[started("b"), finished("b")]);
    place.run(head("toy", "d", &["c"]), &[started("c")]);
    let survey = survey(place.root()).unwrap();
    let told: Vec<_> = survey.runs.iter().map(|run| (run.head.selection.only.len(), run.phases.len())).collect();
    assert_eq!(told, [(1, 1), (0, 1)], "the newest, and the newest whole one");
    assert_eq!(survey.unreadable.len(), 1);
    assert_eq!(survey.runs[1].errors["a"], ["no"]);
}

#[test]
fn who_is_at_work_is_the_process_whose_journal_is_the_newest() {
    let place = Place::new();
    place.run(head("toy", "d", &[]), &[started("a"), started("b"), finished("a")]);
    assert_eq!((at_work(place.root(), 7), at_work(place.root(), 8)), (vec!["b".to_owned()], Vec::new()));
    place.run(head("toy", "d", &[]), &[closed(RunOutcome::Failed)]);
    assert!(at_work(place.root(), 7).is_empty());
}
