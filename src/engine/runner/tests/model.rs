//! Random graphs, killed again and again at random places, with torn journals and another selection on the way; after each
//! death the engine is compared with a model that knows nothing but the lines of the journal.
//!
//! What phases make is new each time, so that a phase which ran twice cannot pass for one that ran once.
#![allow(clippy::disallowed_methods, reason = "tests lay journals down by hand")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use camino::Utf8Path;
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::inputs::Inputs;
use crate::phase::Entry;
use crate::replay::{Resume, replay, resumable};

/// One of the ways in which phase `n` may read the phases before it.
fn node(n: usize, way: usize) -> Entry<Toy> {
    type R<const N: usize> = Read<Art<N>>;
    type M<const N: usize> = Maybe<Art<N>>;
    let ways: &[fn() -> Entry<Toy>] = match n {
        0 => &[|| made::<0, 10, ()>("a0")],
        1 => &[|| made::<1, 9, ()>("a1"), || made::<1, 20, R<0>>("a1"), || made::<1, 20, M<0>>("a1")],
        2 => &[
            || made::<2, 8, ()>("g/a2"),
            || made::<2, 30, R<0>>("g/a2"),
            || made::<2, 5, R<1>>("g/a2"),
            || made::<2, 30, (R<0>, M<1>)>("g/a2"),
        ],
        3 => &[
            || made::<3, 7, ()>("g/a3"),
            || made::<3, 40, R<0>>("g/a3"),
            || made::<3, 4, M<1>>("g/a3"),
            || made::<3, 40, R<2>>("g/a3"),
            || made::<3, 40, (R<1>, R<2>)>("g/a3"),
        ],
        _ => &[
            || made::<4, 6, ()>("a4"),
            || made::<4, 50, R<3>>("a4"),
            || made::<4, 3, M<2>>("a4"),
            || made::<4, 50, (R<0>, R<3>)>("a4"),
            || made::<4, 50, (R<2>, M<3>)>("a4"),
            || made::<4, 50, (R<1>, R<3>)>("a4"),
        ],
    };
    ways[way % ways.len()]()
}

const PHASES: [&str; 5] = ["a0", "a1", "g/a2", "g/a3", "a4"];

/// What a dead process leaves.
#[derive(Clone, Default)]
struct Left {
    disk: Disk,
    outward: BTreeMap<&'static str, usize>,
    journals: BTreeMap<String, Vec<u8>>,
}

impl Left {
    /// What the model knows: the phases that the newest journal with a head calls finished, unless the run succeeded.
    fn finished(&self) -> BTreeSet<String> {
        for journal in self.journals.values().rev() {
            let whole = journal.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
            let mut finished = BTreeSet::new();
            let mut lines = 0;
            for line in whole {
                let record: Json = serde_json::from_slice(line).unwrap();
                let phase = || record["phase"].as_str().unwrap().to_owned();
                match record["record"].as_str().unwrap() {
                    "head" => finished.extend(
                        record["done"].as_array().unwrap().iter().map(|phase| phase.as_str().unwrap().to_owned()),
                    ),
                    "started" => drop(finished.remove(&phase())),
                    "finished" => drop(finished.insert(phase())),
                    "closed" if record["outcome"] == "succeeded" => return BTreeSet::new(),
                    _ => {}
                }
                lines += 1;
            }
            if lines > 0 {
                return finished;
            }
        }
        BTreeSet::new()
    }
}

/// Where a run dies: at which of its checkpoints, and with how many bytes of its last record missing.
#[derive(Debug, Clone, Copy)]
struct Death {
    at: usize,
    torn: usize,
    jobs: usize,
    skip_last: bool,
}

/// One run after what was left; gives what it leaves, and the phases that ran.
async fn run(workflow: &Workflow<Toy>, left: &Left, death: Option<Death>, count: usize) -> (Left, Vec<&'static str>) {
    let memory = std::path::Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let root = Utf8Path::from_path(dir.path()).unwrap();
    for (run, journal) in &left.journals {
        std::fs::create_dir_all(root.join("runs").join(run)).unwrap();
        std::fs::write(root.join("runs").join(run).join("journal.jsonl"), journal).unwrap();
    }
    let toy = Toy::with(left.disk.clone(), count * 1000);
    toy.0.outward.lock().unwrap().clone_from(&left.outward);
    let history = replay(root, "toy").unwrap();
    if let Some(newest) = &history.newest {
        toy.recover(newest);
    }
    let selection = match death {
        Some(Death { skip_last: true, .. }) => skip(&["a4"]),
        _ => all(),
    };
    let (resumes, done) = match resumable(history.unfinished.as_ref(), "toy", &Inputs::default(), &selection) {
        Resume::Continue { run_id, done } => (Some(run_id), done),
        Resume::Fresh => (None, Done::none()),
        Resume::Refuse { why } => panic!("{why}"),
    };
    let known: BTreeSet<String> = done.phases().map(str::to_owned).collect();
    assert_eq!(known, left.finished(), "the model knows other finished phases");
    let plan = workflow.plan(Seeds::new(), &selection, &done).unwrap();
    let journal = Journal::begin(root, plan.head("test", Inputs::default(), resumes)).unwrap();
    let (run_id, seen) = (journal.run_id().to_owned(), Arc::new(Mutex::new(Vec::new())));
    let file = root.join("runs").join(&run_id).join("journal.jsonl");
    let (taken, view, own) = (seen.clone(), toy.clone(), file.clone());
    let options = RunOptions {
        faults: Faults::none().on_checkpoint(move |_| {
            // The journal first: what it says must be true of the disk, not the other way round.
            let journal = std::fs::read(&own).unwrap();
            let outward = view.0.outward.lock().unwrap().clone();
            taken.lock().unwrap().push((journal, outward, view.disk()));
        }),
        ..jobs(death.map_or(2, |death| death.jobs))
    };
    toy.run_with(&plan, options, journal).await.result.unwrap();
    let mut next = left.clone();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let ran = toy.ran();
    match death {
        Some(Death { at, torn, .. }) if !seen.is_empty() => {
            let (mut journal, outward, disk) = seen[at % seen.len()].clone();
            journal.truncate(journal.len() - torn.min(journal.len() / 2).min(last_line(&journal)));
            next = Left { disk, outward, journals: next.journals };
            next.journals.insert(run_id, journal);
        }
        _ => {
            next = Left { disk: toy.disk(), outward: toy.0.outward.lock().unwrap().clone(), journals: next.journals };
            next.journals.insert(run_id, std::fs::read(&file).unwrap());
        }
    }
    (next, ran)
}

/// How long the last record is, if losing it loses no promise: only then a power cut may take it.
fn last_line(journal: &[u8]) -> usize {
    let line = journal.split_inclusive(|byte| *byte == b'\n').next_back().unwrap_or_default();
    let flushed = [&b"\"head\""[..], b"\"sealed\"", b"\"intended\""];
    let promised = flushed.iter().any(|kind| line.windows(kind.len()).any(|window| window == *kind));
    if promised { 0 } else { line.len() }
}

fn death() -> impl Strategy<Value = Death> {
    let torn = prop_oneof![2 => Just(0), 1 => 1usize..200];
    (0usize..200, torn, 1usize..4, prop::bool::weighted(0.2)).prop_map(|(at, torn, jobs, skip_last)| Death {
        at,
        torn,
        jobs,
        skip_last,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_what_the_model_says(
        ways in prop::array::uniform5(0usize..60),
        deaths in prop::collection::vec(death(), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let workflow = workflow(ways.iter().enumerate().map(|(n, way)| node(n, *way)).collect());
        let mut left = Left::default();
        let stops = deaths.iter().map(|death| Some(*death)).chain([None]);
        for (count, stop) in stops.enumerate() {
            let known = left.finished();
            let (next, ran) = runtime.block_on(run(&workflow, &left, stop, count));
            for name in &ran {
                let path = PHASES.iter().find(|path| path.ends_with(name)).unwrap();
                prop_assert!(!known.contains(*path), "{path} had finished and ran again");
            }
            // What was published keeps its contents, whatever came after.
            for (path, text) in left.disk.iter().filter(|(path, _)| !path.as_str().starts_with('.')) {
                prop_assert_eq!(next.disk.get(path), Some(text));
            }
            left = next;
        }
        prop_assert_eq!(names(&left.disk), BTreeSet::from(["a0", "a1", "a2", "a3", "a4"]), "all of it and no leftovers");
        // The toy looks before it pokes, as every phase must: once is enough, however often it died.
        prop_assert!(left.outward.len() == 5 && left.outward.values().all(|times| *times == 1), "{:?}", left.outward);
        // Who reads a value was made of the one that is there.
        for (n, way) in ways.iter().enumerate() {
            let text = &left.disk[Utf8Path::new(PHASES[n].trim_start_matches("g/"))];
            for id in node(n, *way).phase.needs().reads {
                prop_assert!(text.contains(left.disk[Utf8Path::new(id.name)].as_str()), "{} of {}", PHASES[n], id.name);
            }
        }
    }
}
