//! Kill anywhere: whatever instant the process dies at, the next run recovers, repeats no finished phase, and ends as if
//! nothing had happened.
//!
//! A kill is a snapshot of the machine at a checkpoint of an undisturbed run, brought to life again. What this cannot show
//! is the order of flushes: that is for `strace`.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_engine::Record;

use super::case::{Case, Shape, is_root};
use super::end_state::EndState;
use super::joining;
use super::machine::{Ask, phase_of};
use super::snapshot::{Entry, Filmed, Snapshot, files, film};

#[test]
fn the_next_run_finishes_after_a_kill_newest() {
    kill_everywhere(&Case::newest());
}

#[test]
fn the_next_run_finishes_after_a_kill_oldest() {
    kill_everywhere(&Case::oldest());
}

#[test]
fn the_next_run_finishes_after_a_kill_uploading() {
    kill_everywhere(&Case::uploading());
}

#[test]
fn the_next_run_finishes_after_a_kill_rootless() {
    if is_root() {
        kill_everywhere(&Case::shaped(Shape::Rootless));
    }
}

#[test]
fn the_next_run_finishes_after_a_kill_external_ca() {
    kill_everywhere(&Case::shaped(Shape::ExternalCa));
}

#[test]
fn the_next_run_finishes_after_a_kill_join_worker() {
    joining::cases()[..2].iter().for_each(kill_everywhere);
}

#[test]
fn the_next_run_finishes_after_a_kill_join_control_plane_newest() {
    kill_everywhere(&joining::cases()[2]);
}

#[test]
fn the_next_run_finishes_after_a_kill_join_control_plane_oldest() {
    kill_everywhere(&joining::cases()[4]);
}

#[test]
fn the_next_run_finishes_after_a_kill_renew() {
    super::renewing::cases()[..2].iter().for_each(kill_everywhere);
}

fn kill_everywhere(case: &Case) {
    let filmed = film(case);
    let end = EndState::of(&filmed.machine.node);
    let known = contents(&filmed);
    for snapshot in &filmed.snapshots {
        kill_once(case, snapshot, &known, &end);
    }
}

/// A power cut may lose what was not flushed: the journal then lies behind the files, and ends in a torn line.
#[test]
fn the_next_run_finishes_with_a_journal_that_was_cut() {
    cut_everywhere(&Case::newest());
}

#[test]
fn the_next_run_finishes_with_a_journal_of_join_that_was_cut() {
    cut_everywhere(&joining::cases()[2]);
}

fn cut_everywhere(case: &Case) {
    let filmed = film(case);
    let end = EndState::of(&filmed.machine.node);
    let known = contents(&filmed);
    let last = Snapshot::take("the:end", &filmed.machine.node);
    let (_, journal) = last.journal();
    let lines: Vec<_> = journal.split_inclusive(|byte| *byte == b'\n').collect();
    assert!(lines.len() > 90, "{} records", lines.len());
    let mut kept = 0;
    for (index, line) in lines.iter().enumerate() {
        // Whole lines up to here, then half of the next.
        let torn = &journal[..kept + line.len() / 2];
        if index > 0 {
            let mut cut = last.with_journal(torn);
            cut.at = format!("the:end with {index} records and a half");
            kill_once(case, &cut, &known, &end);
        }
        kept += line.len();
    }
}

/// What each file may hold: what stood there whenever no phase was under way, or nothing.
fn contents(filmed: &Filmed) -> BTreeMap<String, Vec<Entry>> {
    let mut known: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    let quiet = filmed.snapshots.iter().filter(|snapshot| snapshot.at.ends_with(":finished"));
    for (path, entry) in quiet.flat_map(Snapshot::files) {
        let entries = known.entry(path.into()).or_default();
        if !entries.contains(entry) {
            entries.push(entry.clone());
        }
    }
    known
}

fn kill_once(case: &Case, snapshot: &Snapshot, known: &BTreeMap<String, Vec<Entry>>, end: &EndState) {
    let when = format!("{case:?}: killed at {}", snapshot.at);
    // Whole or not at all, whoever looks.
    for (path, entry) in snapshot.files().filter(|(path, _)| !is_scratch(path)) {
        let whole = known.get(path).is_some_and(|entries| entries.contains(entry));
        assert!(whole, "{when}: {path} is there, but not whole");
    }

    let machine = snapshot.restore(case);
    let (replay, _) = machine.recover();
    let recovered = files(&machine.node);
    let left: Vec<_> = recovered.keys().filter(|path| is_scratch(path)).collect();
    assert!(left.is_empty(), "{when}: recovery left {left:?}");
    let finished = replay.map(|replay| replay.finished).unwrap_or_default();
    machine_is_whole(&recovered, known, &when);
    let (_, again) = machine.recover();
    assert!(again.is_empty(), "{when}: recovery did something the second time: {:?}", again.lines());

    let resumed = machine.run(Ask::default()).succeeded(&format!("{when}: the run after it"));
    let repeated: Vec<_> = resumed
        .started()
        .into_iter()
        // Its key is told once and kept nowhere; whoever needs it again needs a new one.
        .filter(|phase| finished.iter().any(|done| done == phase) && !(case.upload_certs && *phase == "upload-certs"))
        .map(str::to_owned)
        .collect();
    assert!(repeated.is_empty(), "{when}: the run after it repeats {repeated:?}");
    let after = files(&machine.node);
    for (path, entry) in recovered.iter().filter(|(path, _)| known[*path].len() == 1 && end.files.contains_key(*path)) {
        assert!(after.get(path) == Some(entry), "{when}: the run after it wrote {path} anew");
    }
    let unsettled = unsettled(&resumed.records);
    assert!(unsettled.is_empty(), "{when}: nobody knows how {unsettled:?} ended");
    EndState::of(&machine.node).must_equal(end, &format!("{when}: after the run after it"));
}

/// Each pair is there as a whole: what one phase seals appears together.
fn machine_is_whole(recovered: &BTreeMap<String, Entry>, known: &BTreeMap<String, Vec<Entry>>, when: &str) {
    for path in recovered.keys() {
        assert!(known.contains_key(path), "{when}: after recovery {path} is there, which no run leaves");
        for (half, other) in [(".key", ".crt"), (".crt", ".key"), (".pub", ".key")] {
            if let Some(base) = path.strip_suffix(half) {
                let partner = format!("{base}{other}");
                let whole = recovered.contains_key(&partner) || !known.contains_key(&partner);
                assert!(whole, "{when}: after recovery {path} is there without {partner}");
            }
        }
    }
}

fn unsettled(records: &[Record]) -> BTreeSet<String> {
    let settled: BTreeSet<_> = records
        .iter()
        .filter_map(|record| if let Record::Settled { id, .. } = record { Some(*id) } else { None })
        .collect();
    let intended =
        records.iter().filter(|record| matches!(record, Record::Intended { id, .. } if !settled.contains(id)));
    intended.filter_map(phase_of).map(str::to_owned).collect()
}

fn is_scratch(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with('.') && name.ends_with(".new"))
}
