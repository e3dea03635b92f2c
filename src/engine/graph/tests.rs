//! The order comes from types and `AFTER`, never from the order of registration.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::phase::{Maybe, Read, Value};
use crate::toy::{After, Art, Toy, Words, after, made, silent, workflow};

struct AfterG;
impl After for AfterG {
    const AFTER: &'static [&'static str] = &["g"];
}

struct AfterA0;
impl After for AfterA0 {
    const AFTER: &'static [&'static str] = &["a0"];
}

fn order(workflow: &Workflow<Toy>) -> Vec<&'static str> {
    workflow.phases().map(|phase| phase.path).collect()
}

fn refused(entries: Vec<Entry<Toy>>) -> GraphError {
    Workflow::new("toy", entries.leak()).map(|_| ()).unwrap_err()
}

#[test]
fn a_maker_comes_before_its_readers_whatever_their_ranks() {
    let workflow = workflow(vec![
        made::<2, 5, Maybe<Art<1>>>("two"),
        made::<1, 10, Read<Art<0>>>("one"),
        made::<0, 90, ()>("zero"),
        made::<3, 80, ()>("three"),
    ]);
    assert_eq!(order(&workflow), ["three", "zero", "one", "two"]);
    assert_eq!(workflow.find("one").unwrap().waits_for, ["zero"]);
}

#[test]
fn after_names_a_phase_or_a_whole_group_and_never_itself() {
    let workflow = workflow(vec![
        after::<0, 1, (), AfterG>("first"),
        made::<1, 50, ()>("g/one"),
        after::<2, 40, (), AfterG>("g/two"),
        made::<3, 30, ()>("g-three"),
    ]);
    assert_eq!(order(&workflow), ["g-three", "g/one", "g/two", "first"]);
    assert_eq!(workflow.find("first").unwrap().waits_for, ["g/one", "g/two"]);
}

#[test]
fn a_cycle_is_told_with_every_link() {
    let error =
        refused(vec![after::<0, 1, (), AfterOne>("a0"), made::<1, 2, Read<Art<0>>>("one"), made::<2, 3, ()>("x")]);
    assert_eq!(error.to_string(), "phases wait for each other: a0 (AFTER) → one (a0) → a0");
    struct AfterOne;
    impl After for AfterOne {
        const AFTER: &'static [&'static str] = &["one"];
    }
}

#[test]
fn a_phase_that_reads_what_it_makes_waits_for_itself() {
    let error = refused(vec![made::<0, 1, Read<Art<0>>>("self")]);
    assert_eq!(error.to_string(), "phases wait for each other: self (a0) → self");
}

#[test]
fn two_makers_are_refused_but_any_number_of_phases_make_nothing() {
    let error = refused(vec![made::<0, 1, ()>("one"), made::<0, 2, ()>("two")]);
    assert_eq!(error, GraphError::TwoMakers { artifact: "a0", phases: ["one", "two"] });
    workflow(vec![silent::<1, (), ()>("one"), silent::<1, (), ()>("two")]);
}

#[test]
fn an_unknown_after_is_refused() {
    let error = refused(vec![silent::<1, (), AfterG>("one")]);
    assert_eq!(error.to_string(), "`one` comes after `g`, which is neither a phase nor a group of `toy`");
}

#[test]
fn two_types_with_one_name_are_refused() {
    struct Copied(Read<Art<1>>, Read<Twin>);
    struct Twin;
    impl Value for Twin {
        const NAME: &'static str = "a1";
    }
    impl crate::phase::Input<Toy> for Copied {
        fn needs(needs: &mut Needs) {
            <Read<Art<1>> as crate::phase::Input<Toy>>::needs(needs);
            <Read<Twin> as crate::phase::Input<Toy>>::needs(needs);
        }
        fn take(_: &crate::store::Store, _: &<Toy as crate::world::World>::Session) -> Self {
            unreachable!("the graph is never built")
        }
    }
    impl Words for Copied {
        fn words(&self) -> String {
            let _ = &self.1;
            self.0.words()
        }
    }
    let error = refused(vec![made::<1, 1, ()>("one"), made::<2, 1, Copied>("two")]);
    assert_eq!(error, GraphError::NameClash { name: "a1", phases: ["one", "two"] });
}

#[test]
fn an_address_belongs_to_one_phase_and_to_no_group() {
    assert_eq!(
        refused(vec![silent::<1, (), ()>("one"), silent::<2, (), ()>("one")]),
        GraphError::TwoPhases { path: "one" }
    );
    assert_eq!(
        refused(vec![silent::<1, (), ()>("g/one"), silent::<2, (), ()>("g")]),
        GraphError::TwoPhases { path: "g" }
    );
}

#[test]
fn the_tree_has_groups_where_their_first_phase_stands() {
    static GROUPS: &[(&str, &str)] = &[("", "Do it"), ("g", "Do the group")];
    let workflow = workflow(vec![
        silent::<30, (), ()>("last"),
        silent::<40, (), ()>("g/late"),
        silent::<10, (), ()>("g/early"),
        silent::<20, (), ()>("middle"),
    ])
    .with_groups(GROUPS);
    fn lines(tree: &Tree, depth: usize) -> Vec<String> {
        let mark = if tree.phase { "" } else { "/" };
        let own = format!("{}{}{mark} {}", " ".repeat(depth), tree.name, tree.about);
        [own].into_iter().chain(tree.children.iter().flat_map(|child| lines(child, depth + 1))).collect()
    }
    assert_eq!(
        lines(&workflow.tree(), 0),
        [
            "toy/ Do it",
            " g/ Do the group",
            "  early Make nothing",
            "  late Make nothing",
            " middle Make nothing",
            " last Make nothing"
        ]
    );
    assert_eq!(workflow.tree().children[0].children[1].path, "g/late");
}

#[test]
fn a_group_covers_only_whole_words() {
    assert!(covers("certs", "certs") && covers("certs", "certs/ca") && covers("certs", "certs/etcd/ca"));
    assert!(!covers("certs", "certs-old") && !covers("certs/ca", "certs") && !covers("cert", "certs"));
}

/// Eight phases with equal ranks, reads, maybes and afters.
fn eight(at: usize) -> Entry<Toy> {
    match at {
        0 => made::<0, 5, ()>("a0"),
        1 => made::<1, 5, Read<Art<0>>>("b"),
        2 => made::<2, 5, ()>("c"),
        3 => made::<3, 1, (Read<Art<1>>, Maybe<Art<2>>)>("d"),
        4 => after::<4, 1, (), AfterA0>("g/x"),
        5 => after::<5, 3, (), AfterG>("e"),
        6 => silent::<5, (), AfterA0>("f"),
        _ => silent::<5, Read<Art<3>>, AfterG>("z"),
    }
}

proptest! {
    #[test]
    fn the_order_does_not_depend_on_registration(order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle()) {
        let straight = workflow((0..8).map(eight).collect());
        let shuffled = workflow(order.into_iter().map(eight).collect());
        prop_assert_eq!(self::order(&straight), self::order(&shuffled));
        for phase in shuffled.phases() {
            let place = |path: &str| self::order(&shuffled).iter().position(|other| *other == path);
            for before in &phase.waits_for {
                prop_assert!(place(before) < place(phase.path), "{} before {}", before, phase.path);
            }
        }
    }
}

#[test]
fn readers_are_found_through_each_other_and_nobody_else_is() {
    let workflow = workflow(vec![
        made::<0, 10, ()>("a0"),
        made::<1, 20, Read<Art<0>>>("g/a1"),
        made::<2, 30, Maybe<Art<1>>>("a2"),
        made::<3, 40, ()>("a3"),
        silent::<50, Read<Art<2>>, ()>("end"),
    ]);
    let with_readers = |phase: &str| workflow.with_readers(&std::collections::BTreeSet::from([phase]));
    assert_eq!(with_readers("a0"), ["a0", "a2", "end", "g/a1"].into());
    assert_eq!(with_readers("a2"), ["a2", "end"].into());
    assert!(with_readers("gone").is_empty());
}
