//! Stop anywhere: Ctrl-C at every checkpoint of every phase. The run says that it was stopped, files are whole, and the next
//! run goes on with what is finished and ends as if nothing had happened.

use std::collections::BTreeSet;

use kubewright_engine::{FailureKind, Faults, Record, RunOutcome};
use tokio::sync::watch;

use super::case::Case;
use super::end_state::EndState;
use super::joining;
use super::machine::{Ask, phase_of};
use super::snapshot::{Filmed, Snapshot, film};

#[test]
fn a_stop_in_each_phase_of_init_leaves_a_run_that_is_gone_on_with() {
    stop_everywhere(&Case::newest());
}

#[test]
fn a_stop_in_each_phase_of_join_leaves_a_run_that_is_gone_on_with() {
    stop_everywhere(&joining::cases()[2]);
}

fn stop_everywhere(case: &Case) {
    let filmed = film(case);
    let end = EndState::of(&filmed.machine.node);
    let mut stopped = BTreeSet::new();
    for phase in filmed.ran.started() {
        let begun = filmed.snapshots.iter().find(|snapshot| snapshot.at == format!("{phase}:started")).unwrap();
        for place in places(&filmed, phase) {
            if stop_once(case, begun, phase, &place, &end) {
                stopped.insert(phase);
            }
        }
    }
    let missed: Vec<_> = filmed.ran.started().into_iter().filter(|phase| !stopped.contains(phase)).collect();
    assert!(missed.is_empty(), "{case:?}: no stop came in {missed:?}");
}

/// The checkpoints of a phase at which a stop can still be heard, each once.
fn places(filmed: &Filmed, phase: &str) -> BTreeSet<String> {
    let of_phase = filmed.snapshots.iter().filter_map(|snapshot| {
        let (of, name) = snapshot.at.rsplit_once(':')?;
        (of == phase && !matches!(name, "ran" | "committed" | "finished")).then(|| snapshot.at.clone())
    });
    of_phase.collect()
}

/// Stops the run there, and runs it again; says whether the phase was stopped, and had not just come to its end.
fn stop_once(case: &Case, begun: &Snapshot, phase: &str, place: &str, end: &EndState) -> bool {
    let when = format!("{case:?}: stopped at {place}");
    let machine = begun.restore(case);
    let (sender, cancel) = watch::channel(false);
    let at = place.to_owned();
    let faults = Faults::none().on_checkpoint(move |name| {
        if name == at {
            // Nobody listens any more when the run is over.
            let _ = sender.send(true);
        }
    });
    let ran = machine.run(Ask { cancel: Some(cancel), ..Ask::with_faults(faults) });
    let failed = ran.result.as_ref().err();
    let Some(failed) = failed else {
        EndState::of(&machine.node).must_equal(end, &format!("{when}, too late"));
        return false;
    };
    assert_eq!(failed.failure.get_kind(), FailureKind::Cancelled, "{when}: {:?}", failed.failure);
    let closed = ran.records.last();
    assert_eq!(closed, Some(&Record::Closed { outcome: RunOutcome::Cancelled }), "{when}");
    let last = |record: &&Record| phase_of(record) == Some(phase);
    let last = ran.records.iter().rev().find(last);
    let taken_back = matches!(last, Some(Record::RolledBack { .. }));
    assert!(taken_back || matches!(last, Some(Record::Finished { .. })), "{when}: it ends with {last:?}");
    let resumed = machine.run(Ask::default()).succeeded(&format!("{when}: the run after it"));
    let finished = ran.records.iter().filter(|record| matches!(record, Record::Finished { .. })).filter_map(phase_of);
    let repeated: Vec<_> = finished.filter(|phase| resumed.started().contains(phase)).collect();
    assert!(repeated.is_empty(), "{when}: the run after it repeats {repeated:?}");
    EndState::of(&machine.node).must_equal(end, &format!("{when}: after the run after it"));
    taken_back
}
