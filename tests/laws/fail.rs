//! Fail anywhere: a phase that fails leaves the files as they were before it, keeps the phases before it, and the next run
//! finishes the job.
//!
//! Files that a phase published before something left the node, such as a restart of the kubelet, stay: the restart cannot
//! be taken back either. They are whole, and what the next run writes as well.

use std::collections::BTreeSet;

use kubewright_engine::{Fault, Faults, Record};
use kubewright_node::KubeErrorKind;

use super::case::{Case, Command, Shape, is_root};
use super::end_state::EndState;
use super::joining::{self, BOOTSTRAP_CONF};
use super::machine::{Ask, Machine, phase_of};
use super::snapshot::{Entry, Filmed, Snapshot, files, film};

#[test]
fn a_failure_is_taken_back_and_the_next_run_finishes_newest() {
    fail_everywhere(&Case::newest());
}

#[test]
fn a_failure_is_taken_back_and_the_next_run_finishes_oldest() {
    fail_everywhere(&Case::oldest());
}

#[test]
fn a_failure_is_taken_back_and_the_next_run_finishes_uploading() {
    fail_everywhere(&Case::uploading());
}

#[test]
fn a_failure_is_taken_back_and_the_next_run_finishes_rootless() {
    if is_root() {
        fail_everywhere(&Case::shaped(Shape::Rootless));
    }
}

#[test]
fn a_failure_is_taken_back_and_the_next_run_finishes_external_ca() {
    fail_everywhere(&Case::shaped(Shape::ExternalCa));
}

#[test]
fn a_failure_is_taken_back_and_the_next_run_finishes_join() {
    joining::cases().iter().for_each(fail_everywhere);
}

#[test]
fn a_failure_is_taken_back_and_the_next_run_finishes_renew() {
    super::renewing::cases()[..2].iter().for_each(fail_everywhere);
}

/// Every phase, before it, after it, and at each thing that it writes down.
fn fail_everywhere(case: &Case) {
    let filmed = film(case);
    let end = EndState::of(&filmed.machine.node);
    let phases = filmed.ran.started();
    let mut tried = 0;
    for phase in phases {
        let snapshot = filmed.snapshots.iter().find(|snapshot| snapshot.at == format!("{phase}:started")).unwrap();
        let mut faults = vec![Fault::FailBefore(phase.into()), Fault::FailAfter(phase.into())];
        let writes = written(&filmed, phase);
        faults.extend((1..=writes).map(|nth| Fault::FailRecord { phase: phase.into(), nth }));
        for fault in faults {
            fail_once(case, snapshot, phase, fault, &end);
            tried += 1;
        }
    }
    assert!(tried > if case.command == Command::Init { 120 } else { 10 }, "only {tried} failures were tried");
}

/// How many records the log of the phase's session wrote.
fn written(filmed: &Filmed, phase: &str) -> usize {
    let mut intents = BTreeSet::new();
    let mut count = 0;
    for record in &filmed.ran.records {
        match record {
            Record::Intended { phase: of, id, .. } if of == phase => {
                intents.insert(*id);
                count += 1;
            }
            Record::Settled { id, .. } if intents.contains(id) => count += 1,
            Record::Scratch { .. } | Record::Sealed { .. } if phase_of(record) == Some(phase) => count += 1,
            _ => {}
        }
    }
    count
}

fn fail_once(case: &Case, snapshot: &Snapshot, phase: &str, fault: Fault, end: &EndState) {
    let when = format!("{case:?}: {fault:?}");
    let machine = snapshot.restore(case);
    let before = files(&machine.node);
    let failed = machine.run(Ask::with_faults(Faults::none().with(fault.clone())));
    match &failed.result {
        Err(error) => assert_eq!(error.phase, Some(phase), "{when}: {:?}", error.failure),
        Ok(_) if tries_again(phase, &fault) => {
            EndState::of(&machine.node).must_equal(end, &when);
            return;
        }
        Ok(_) => panic!("{when}: the fault did not strike"),
    }
    let wrote: Vec<_> = failed.records.iter().filter(|record| phase_of(record) == Some(phase)).collect();
    assert!(
        wrote.iter().any(|record| matches!(record, Record::RolledBack { .. })),
        "{when}: not taken back: {wrote:?}"
    );

    // Sealed in spite of the failure: published ahead of what was to leave the node.
    let promised = |record: &&Record| matches!(record, Record::Sealed { .. } | Record::Intended { .. });
    let after = files(&machine.node);
    if wrote.iter().copied().any(|record| promised(&record)) {
        let seen = EndState::of(&machine.node).files;
        for (path, entry) in &after {
            let whole =
                before.get(path) == Some(entry) || end.files.get(path) == seen.get(path) || path == BOOTSTRAP_CONF;
            assert!(whole, "{when}: {path} is neither as before nor as in the end");
        }
        let lost: Vec<_> = before.keys().filter(|path| !after.contains_key(*path)).collect();
        assert!(lost.is_empty(), "{when}: {lost:?} are gone");
    } else {
        assert_same(&before, &after, &when);
    }
    finish(&machine, &failed.done, end, &when);
}

/// Whether the phase takes one failure of what it does for a reason to do it again: pulls, and a request that a young API
/// server may refuse.
fn tries_again(phase: &str, fault: &Fault) -> bool {
    matches!(phase, "preflight" | "wait-control-plane") && matches!(fault, Fault::FailRecord { .. })
}

/// Runs the same command again.
fn finish(machine: &Machine, done: &[String], end: &EndState, when: &str) {
    let resumed = machine.run(Ask::default()).succeeded(&format!("{when}: the run after it"));
    let lost: Vec<_> = done.iter().filter(|phase| !resumed.done.contains(phase)).collect();
    assert!(lost.is_empty(), "{when}: the run after it knows no more of {lost:?}");
    EndState::of(&machine.node).must_equal(end, &format!("{when}: after the run after it"));
}

fn assert_same(
    before: &std::collections::BTreeMap<String, Entry>,
    after: &std::collections::BTreeMap<String, Entry>,
    when: &str,
) {
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    // It is made before the cluster is asked to take us; empty it harms nobody.
    let harmless = |path: &str| path == "/var/lib/etcd" && matches!(after.get(path), Some(Entry::Directory { .. }));
    let differs = paths.into_iter().filter(|path| before.get(*path) != after.get(*path) && !harmless(path));
    let differs: Vec<_> = differs.collect();
    assert!(differs.is_empty(), "{when}: {differs:?} are not as before");
}

/// A kubelet that does not start is a failure of the phase that starts it, so that the next run tries again.
#[test]
fn a_kubelet_that_does_not_start_is_started_by_the_next_run() {
    let case = Case::newest();
    let machine = Machine::new(&case);
    machine.node.services.fail("restart kubelet", 1);
    let failed = machine.run(Ask::default()).result.unwrap_err();
    assert_eq!(failed.phase, Some("kubelet-start"), "{:?}", failed.failure);
    machine.run(Ask::default()).succeeded("the run after it");
    EndState::of(&machine.node).must_equal(&EndState::of(&Machine::finished(&case).node), "the run after it");
}

/// An API server that refuses once, somewhere: either the phase tries again, or the next run does.
#[test]
fn a_request_that_is_refused_is_made_again() {
    let case = Case::newest();
    let end = Machine::finished(&case);
    let (requests, end) = (end.node.kube.changes(), EndState::of(&end.node));
    assert!(requests.len() > 20, "{requests:?}");
    for kind in [KubeErrorKind::Busy, KubeErrorKind::Forbidden, KubeErrorKind::Invalid] {
        for request in &requests {
            let machine = Machine::new(&case);
            machine.node.kube.fail(request, 1, kind.clone());
            let when = format!("`{request}` was refused with {kind:?}");
            if machine.run(Ask::default()).result.is_err() {
                machine.run(Ask::default()).succeeded(&format!("{when}: the run after it"));
            }
            EndState::of(&machine.node).must_equal(&end, &when);
        }
    }
}
