//! Order-free: phases say what they wait for, so every order that keeps to it ends in the same state. A phase that reads
//! what it does not declare gives itself away here.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use kubewright_engine::{Applies, Faults, PhaseRef};
use kubewright_node::Node;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::case::{Case, seeds};
use super::end_state::EndState;
use super::machine::{Ask, Machine};
use super::{joining, renewing};

/// More than there are phases, so that none waits for a free place.
const ALL_AT_ONCE: usize = 64;

#[test]
fn every_order_ends_in_the_same_state() {
    let [worker, plane] = [0, 2].map(|at| joining::cases().swap_remove(at));
    let renewal = renewing::cases().swap_remove(0);
    for (case, tries) in [(Case::newest(), 24), (Case::oldest(), 8), (worker, 2), (plane, 12), (renewal, 12)] {
        let end = EndState::of(&Machine::finished(&case).node);
        let phases = case.workflow().phases().count();
        let weights = prop::collection::vec(any::<u16>(), phases);
        let config = Config { cases: tries, failure_persistence: None, max_shrink_iters: 16, ..Config::default() };
        let outcome = TestRunner::new(config).run(&weights, |weights| {
            let order = order(&case, &weights);
            let machine = Machine::new(&case);
            let baton = Baton::new(&order);
            let faults = Faults::none().on_checkpoint(move |at| baton.pass(at));
            let ran = machine.run(Ask { faults, jobs: ALL_AT_ONCE, ..Ask::default() });
            if let Err(failed) = &ran.result {
                return Err(TestCaseError::fail(format!(
                    "{:?} in the order {order:?}: {:?}",
                    failed.phase, failed.failure
                )));
            }
            let finished: Vec<_> = ran.records.iter().filter_map(finished).collect();
            prop_assert_eq!(&finished, &order, "the order was not kept to, so nothing was tried");
            EndState::of(&machine.node).must_equal(&end, &format!("{case:?} in the order {order:?}"));
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{case:?}: {error}"));
    }
}

#[test]
fn one_job_and_many_end_in_the_same_state() {
    for case in Case::every() {
        let end = EndState::of(&Machine::finished(&case).node);
        for jobs in [2, 8, ALL_AT_ONCE, 8, 2] {
            let machine = Machine::new(&case);
            machine.run(Ask { jobs, ..Ask::default() }).succeeded(&format!("with {jobs} jobs"));
            EndState::of(&machine.node).must_equal(&end, &format!("{case:?} with {jobs} jobs"));
        }
    }
}

/// As scripts do it: `init phase …` by hand, one after the other. Each finds what the others left on the node.
#[test]
fn phases_by_hand_end_in_the_same_state() {
    for case in [Case::newest(), Case::oldest()].into_iter().chain(joining::cases()) {
        let end = EndState::of(&Machine::finished(&case).node);
        for weights in [vec![0; 64], (0..64).rev().collect(), (0..64).map(|at| at * 37 % 64).collect()] {
            let machine = Machine::new(&case);
            let order = order(&case, &weights);
            for phase in &order {
                machine.run(Ask::only(phase)).succeeded(&format!("{case:?}: `phase {phase}` by hand in {order:?}"));
            }
            EndState::of(&machine.node).must_equal(&end, &format!("{case:?}: by hand in the order {order:?}"));
        }
    }
}

fn finished(record: &kubewright_engine::Record) -> Option<&str> {
    match record {
        kubewright_engine::Record::Finished { phase, .. } => Some(phase),
        _ => None,
    }
}

/// The order of the phases that run which keeps to the graph and otherwise prefers light phases.
fn order(case: &Case, weights: &[u16]) -> Vec<&'static str> {
    let (workflow, seeds) = (case.workflow(), seeds(case));
    let runs = |phase: &PhaseRef<'_, Node>| phase.phase.applies_to(&seeds) == Applies::Yes;
    let mut waits: BTreeMap<&'static str, (u16, Vec<&'static str>)> = BTreeMap::new();
    for (phase, weight) in workflow.phases().filter(runs).zip(weights) {
        waits.insert(phase.path, (*weight, phase.waits_for));
    }
    let running: Vec<_> = waits.keys().copied().collect();
    waits.values_mut().for_each(|(_, before)| before.retain(|phase| running.contains(phase)));
    let mut order: Vec<&'static str> = Vec::new();
    while !waits.is_empty() {
        let ready = waits.iter().filter(|(_, (_, before))| before.iter().all(|phase| order.contains(phase)));
        let next = *ready.min_by_key(|(path, (weight, _))| (*weight, **path)).expect("the graph has no cycle").0;
        waits.remove(next);
        order.push(next);
    }
    order
}

/// Lets phases go one at a time, in one order.
struct Baton {
    order: Vec<&'static str>,
    passed: Mutex<usize>,
    moved: Condvar,
}

impl Baton {
    fn new(order: &[&'static str]) -> Arc<Self> {
        Arc::new(Self { order: order.to_vec(), passed: Mutex::new(0), moved: Condvar::new() })
    }

    /// Waits at the start of a phase for its turn, and gives the turn away at its end.
    fn pass(&self, at: &str) {
        let (phase, point) = at.split_once(':').unwrap();
        let turn = self.order.iter().position(|known| *known == phase).unwrap();
        match point {
            "started" => tokio::task::block_in_place(|| {
                let waiting = self.passed.lock().unwrap();
                let limit = Duration::from_secs(10);
                let (passed, _) = self.moved.wait_timeout_while(waiting, limit, |passed| *passed < turn).unwrap();
                assert!(*passed >= turn, "`{phase}` never got its turn");
            }),
            "finished" => {
                *self.passed.lock().unwrap() += 1;
                self.moved.notify_all();
            }
            _ => {}
        }
    }
}
