//! Twice is once: what is in place already is left alone.

use kubewright_engine::{Fault, Faults};

use super::case::{Case, Command};
use super::end_state::EndState;
use super::machine::{Ask, Machine};
use super::snapshot::files;

#[test]
fn a_second_run_changes_nothing() {
    for case in Case::every() {
        let machine = Machine::finished(&case);
        let (before, end) = (files(&machine.node), EndState::of(&machine.node));
        let again = machine.run(Ask::default()).succeeded("the second run");
        assert_eq!(again.done, [""; 0], "a run that succeeded is not gone on with");
        let changed: Vec<_> = again.effects.iter().filter(|(phase, effect)| !case.repeats(phase, effect)).collect();
        assert!(changed.is_empty(), "{case:?}: the second run changed {changed:?}");
        assert!(files(&machine.node) == before, "{case:?}: files changed although no effect was told");
        EndState::of(&machine.node).must_equal(&end, &format!("{case:?}: after the second run"));
    }
}

/// Each phase runs twice in a row, in the middle of a first run: nobody has tidied up behind it yet.
#[test]
fn each_phase_leaves_its_own_work_alone() {
    for case in Case::every() {
        let once = EndState::of(&Machine::finished(&case).node);
        let workflow = case.workflow();
        let repeatable = workflow.phases().map(|phase| phase.path).filter(|path| !case.never_idle(path));
        let repeatable: Vec<_> = repeatable.collect();
        assert!(repeatable.len() > if case.command == Command::Init { 20 } else { 6 }, "{repeatable:?}");
        let faults = repeatable.iter().fold(Faults::none(), |faults, path| faults.with(Fault::Repeat((*path).into())));
        let machine = Machine::new(&case);
        machine.run(Ask::with_faults(faults)).succeeded("the run with every phase twice");
        EndState::of(&machine.node).must_equal(&once, &format!("{case:?}: with every phase twice"));
    }
}
