//! Alone: on a machine that is finished, each phase finds what it needs, and has nothing to do.

use std::collections::BTreeMap;

use kubewright_engine::{Applies, Fault, Faults};
use kubewright_testkit::TestNode;

use super::case::Case;
use super::end_state::EndState;
use super::joining::BOOTSTRAP_CONF;
use super::machine::{Ask, Machine};
use super::snapshot::{Entry, files};

#[test]
fn each_phase_runs_alone_on_a_finished_machine() {
    for case in Case::every() {
        let machine = Machine::finished(&case);
        let (before, end) = (kept(&machine.node), EndState::of(&machine.node));
        for phase in case.workflow().phases() {
            let when = format!("{case:?}: `phase {}` alone", phase.path.replace('/', " "));
            if phase.path == "show-join-command" && case.upload_certs {
                // The key of uploaded certificates is told once and kept nowhere, so nobody can show it later.
                let ran = machine.run(Ask::only(phase.path));
                let failed = ran.result.expect_err("nobody knows the key");
                assert!(!failed.failure.hints().is_empty(), "{when}: {:?} says not what to do", failed.failure);
                continue;
            }
            let ran = machine.run(Ask::only(phase.path)).succeeded(&when);
            match phase.phase.applies_to(&machine.seeds) {
                Applies::Yes => assert_eq!(ran.started(), [phase.path], "{when}"),
                Applies::No { .. } | Applies::Told { .. } => assert_eq!(ran.started(), [""; 0], "{when}"),
            }
            let changed: Vec<_> = ran.effects.iter().filter(|(phase, effect)| !case.repeats(phase, effect)).collect();
            assert!(changed.is_empty(), "{when} changed {changed:?}");
            assert!(kept(&machine.node) == before, "{when} changed files");
        }
        EndState::of(&machine.node).must_equal(&end, &format!("{case:?}: after each phase alone"));
    }
}

/// Without what one phase writes for the kubelet and a later one takes away.
fn kept(node: &TestNode) -> BTreeMap<String, Entry> {
    let mut files = files(node);
    files.remove(BOOTSTRAP_CONF);
    files
}

/// A phase that is run by hand leaves a run that was stopped as it was: that one still goes on.
#[test]
fn a_single_phase_does_not_hide_a_stopped_run() {
    let case = Case::newest();
    let machine = Machine::new(&case);
    let stopped = machine.run(Ask::with_faults(Faults::none().with(Fault::FailBefore("kubelet-start".into()))));
    assert_eq!(stopped.result.unwrap_err().phase, Some("kubelet-start"));
    machine.run(Ask::only("certs")).succeeded("certificates by hand");
    let resumed = machine.run(Ask::default()).succeeded("the resumed run");
    assert!(resumed.done.contains(&"certs/ca".to_owned()));
    assert!(!resumed.started().contains(&"certs/ca"));
    EndState::of(&machine.node).must_equal(&EndState::of(&Machine::finished(&case).node), "after all");
}
