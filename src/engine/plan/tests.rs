//! Run, load or leave, and why.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::phase::{Maybe, Read};
use crate::toy::{Art, Off, Toy, made, only, plan, silent, skip, workflow};

/// a0 → b/a1 → b/a2 → a3, and a4 which may read b/a1.
fn chain() -> Workflow<Toy> {
    workflow(vec![
        made::<0, 10, ()>("a0"),
        made::<1, 20, Read<Art<0>>>("b/a1"),
        made::<2, 30, Read<Art<1>>>("b/a2"),
        made::<3, 40, Read<Art<2>>>("a3"),
        made::<4, 50, Maybe<Art<1>>>("a4"),
        silent::<60, (), ()>("quiet"),
    ])
}

/// Each step by its word, with `!` when its value must be there.
fn steps(plan: &Plan<Toy>) -> Vec<String> {
    let step = |node: &PlanNode<Toy>| match (&node.step, node.wanted) {
        (Step::Load { .. }, Want::Must) => format!("{} load!", node.path),
        (step, _) => format!("{} {}", node.path, step.word()),
    };
    plan.nodes.iter().map(step).collect()
}

fn off(list: &[usize]) -> Seeds {
    Seeds::new().with(Off(list.to_vec()))
}

#[test]
fn everything_runs_when_nothing_is_selected() {
    let plan = plan(&chain(), &Selection::default(), &[]);
    assert_eq!(steps(&plan), ["a0 run", "b/a1 run", "b/a2 run", "a3 run", "a4 run", "quiet run"]);
}

#[test]
fn a_single_phase_loads_what_it_reads_and_leaves_the_rest() {
    let plan = plan(&chain(), &only(&["b/a2"]), &[]);
    assert_eq!(steps(&plan), ["a0 leave", "b/a1 load!", "b/a2 run", "a3 leave", "a4 leave", "quiet leave"]);
    assert_eq!(plan.steps().next().unwrap().1.why().unwrap().to_string(), "not selected");
}

#[test]
fn a_group_selects_its_phases_also_as_all() {
    let expected = ["a0 load!", "b/a1 run", "b/a2 run", "a3 leave", "a4 leave", "quiet leave"];
    assert_eq!(steps(&plan(&chain(), &only(&["b"]), &[])), expected);
    assert_eq!(steps(&plan(&chain(), &only(&["b/all"]), &[])), expected);
}

#[test]
fn a_skipped_phase_is_loaded_when_somebody_reads_it() {
    let plan = plan(&chain(), &skip(&["b", "a3"]), &[]);
    assert_eq!(steps(&plan), ["a0 run", "b/a1 load", "b/a2 leave", "a3 leave", "a4 run", "quiet run"]);
    assert_eq!(plan.nodes[1].step, Step::Load { why: Why::Skipped });
}

#[test]
fn skipping_wins_over_selecting() {
    let selection = Selection { only: vec!["b".into()], skip: vec!["b/a1".into()] };
    let plan = plan(&chain(), &selection, &[]);
    assert_eq!(steps(&plan)[..3], ["a0 leave", "b/a1 load!", "b/a2 run"]);
}

#[test]
fn unknown_phases_are_refused_with_what_looks_like_them() {
    let refused = |given: &str| chain().plan(Seeds::new(), &skip(&[given]), &Done::none()).map(|_| ()).unwrap_err();
    assert_eq!(refused("b/a11").to_string(), "invalid phase name: b/a11; did you mean `b/a1` or `b/a2`?");
    assert_eq!(refused("quite").to_string(), "invalid phase name: quite; did you mean `quiet`?");
    assert_eq!(refused("zzz").to_string(), "invalid phase name: zzz");
    assert!(matches!(refused("a0/all"), PlanError::UnknownPhase { .. }), "a phase is no group");
}

#[test]
fn what_nobody_makes_is_refused_only_where_it_is_read() {
    let lost = workflow(vec![made::<1, 10, Read<Art<0>>>("lost"), made::<2, 20, Maybe<Art<3>>>("fine")]);
    let error = lost.plan(Seeds::new(), &Selection::default(), &Done::none()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "`lost` reads `a0`, but no phase of `toy` makes it and it is not a seed");
    assert_eq!(steps(&plan(&lost, &only(&["fine"]), &[])), ["lost leave", "fine run"]);
    let seeds = Seeds::new().with(Art::<0>("given".into()));
    assert!(lost.plan(seeds, &Selection::default(), &Done::none()).is_ok());
}

#[test]
fn a_seed_is_read_instead_of_being_loaded() {
    let seeds = Seeds::new().with(Art::<1>("given".into()));
    let plan = chain().plan(seeds, &only(&["b/a2"]), &Done::none()).unwrap();
    assert_eq!(steps(&plan)[..3], ["a0 leave", "b/a1 leave", "b/a2 run"]);
}

#[test]
fn what_does_not_apply_is_left_for_those_who_can_do_without() {
    let plan = chain().plan(off(&[1, 2, 3]), &Selection::default(), &Done::none()).unwrap();
    assert_eq!(steps(&plan), ["a0 run", "b/a1 leave", "b/a2 leave", "a3 leave", "a4 run", "quiet run"]);
    assert_eq!(plan.phases()[1].why.as_deref(), Some("switched off"));
}

#[test]
fn what_does_not_apply_is_loaded_for_those_who_need_it() {
    let plan = chain().plan(off(&[1]), &Selection::default(), &Done::none()).unwrap();
    assert_eq!(steps(&plan)[..3], ["a0 run", "b/a1 load!", "b/a2 run"]);
}

#[test]
fn a_resumed_run_loads_what_it_reads_and_what_those_once_read() {
    let plan = plan(&chain(), &Selection::default(), &["a0", "b/a1", "b/a2"]);
    // Only a2 must be there; a0 and a1 are at hand in case that it is not, and a1 was made, so a4 gets it again.
    assert_eq!(steps(&plan), ["a0 load", "b/a1 load!", "b/a2 load!", "a3 run", "a4 run", "quiet run"]);
    assert_eq!(plan.nodes[2].step, Step::Load { why: Why::AlreadyFinished });
}

#[test]
fn a_finished_phase_that_nobody_reads_is_left() {
    let plan = plan(&chain(), &Selection::default(), &["a0", "b/a1", "b/a2", "a3", "a4", "quiet"]);
    assert!(plan.steps().all(|(_, step)| *step == Step::Leave { why: Why::AlreadyFinished }));
}

#[test]
fn the_head_says_what_runs_and_what_was_done() {
    let selection = skip(&["quiet"]);
    let plan = plan(&chain(), &selection, &["a0", "gone"]);
    let head = plan.head("0.1.0", Inputs::default(), Some("000001".into()));
    assert_eq!(head.steps, ["b/a1", "b/a2", "a3", "a4"]);
    assert_eq!(head.done, ["a0"]);
    assert_eq!((head.selection, head.format, head.resumes.as_deref()), (selection, FORMAT, Some("000001")));
}
