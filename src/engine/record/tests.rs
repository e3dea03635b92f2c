//! What may follow what.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

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
fn a_phase_goes_only_where_it_may() {
    use Status::{Failed, Finished, RolledBack, Running, Sealed, Waiting};
    let all = [Waiting, Running, Sealed, Failed, RolledBack, Finished];
    let phase = || "a".to_owned();
    let effect = Effect::new("poke", "it");
    let records = [
        (started("a"), [Some(Running), None, None, None, Some(Running), Some(Running)]),
        (scratch("a", "x"), [None, Some(Running), Some(Sealed), Some(Failed), None, None]),
        (Record::Sealed { phase: phase(), files: vec![] }, [None, Some(Sealed), Some(Sealed), None, None, None]),
        (
            Record::Intended { phase: phase(), id: 0, effect },
            [None, Some(Running), Some(Sealed), Some(Failed), None, None],
        ),
        (Record::Settled { id: 0, ok: true }, [None, Some(Running), Some(Sealed), Some(Failed), None, None]),
        (finished("a"), [None, Some(Finished), Some(Finished), None, None, None]),
        (
            Record::Failed { phase: phase(), error: vec![], halfway: false },
            [Some(Failed), Some(Failed), Some(Failed), None, None, Some(Finished)],
        ),
        (Record::RolledBack { phase: phase() }, [None, None, None, Some(RolledBack), None, None]),
    ];
    for (record, expected) in records {
        for (now, expected) in all.into_iter().zip(expected) {
            assert_eq!(next_status(now, &record).ok(), expected, "{now:?} with {record:?}");
        }
    }
}

#[test]
fn a_run_begins_with_its_head_and_ends_with_its_outcome() {
    let mut state = State::default();
    assert!(state.apply(&started("a")).is_err(), "nothing before the head");
    state.apply(&Record::Head(head())).unwrap();
    assert!(state.apply(&Record::Head(head())).is_err(), "one head");
    assert!(state.apply(&Record::Settled { id: 3, ok: true }).is_err(), "only what was intended");
    state.apply(&Record::Closed { outcome: RunOutcome::Succeeded }).unwrap();
    assert!(state.apply(&started("a")).is_err(), "nothing after the end");
}

#[test]
fn promises_and_intentions_outlive_a_power_cut() {
    let (phase, effect) = ("a".to_owned(), Effect::new("poke", "it"));
    assert!(durable(&Record::Head(head())));
    assert!(durable(&Record::Sealed { phase: phase.clone(), files: Vec::new() }));
    assert!(durable(&Record::Intended { phase, id: 0, effect }));
    assert!(!durable(&started("a")) && !durable(&scratch("a", "/x")) && !durable(&finished("a")));
}
