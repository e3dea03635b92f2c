//! A real run on the fake machine: files are in place before the service that needs them restarts.

use std::sync::Arc;

use kubewright_engine::{
    Done, Entry, Events, Failure, Journal, Outcome, Phase, Record, Report, RunOptions, Runner, Seeds, Selection, Use,
    Workflow,
};
use kubewright_node::dry_run::DryCluster;
use kubewright_node::{Contents, Files, Mode, Node, Services};

use crate::tests::machine;
use crate::*;

struct KubeletStart;

impl Phase<Node> for KubeletStart {
    const ABOUT: &'static str = "Write the kubelet's configuration and restart it";
    const RANK: u16 = 1;
    type Input = (Use<Files>, Use<Services>);
    type Output = ();

    async fn run(&self, (files, services): Self::Input, _: &Report) -> Result<(), Failure> {
        files.write(CONFIG.into(), &Contents::public("kind: KubeletConfiguration\n"), Mode(0o644))?;
        if services.state("kubelet").await?.active {
            return Ok(());
        }
        services.restart("kubelet").await?;
        files.write("/etc/after".into(), &Contents::public("after"), Mode(0o644))
    }
}

const CONFIG: &str = "/var/lib/kubelet/config.yaml";
static ENTRIES: &[Entry<Node>] = &[Entry { path: "kubelet-start", phase: &KubeletStart }];

async fn run(node: &TestNode) -> Result<Outcome, Vec<String>> {
    run_with(node, Arc::new(Journal::discarding("000001-20260102T030405Z"))).await
}

async fn run_with(node: &TestNode, journal: Arc<Journal>) -> Result<Outcome, Vec<String>> {
    let workflow = Workflow::new("toy", ENTRIES).unwrap();
    let plan = workflow.plan(Seeds::new(), &Selection::default(), &Done::none()).unwrap();
    let (events, _receiver) = Events::channel();
    let summary = Runner::new(node.world(), journal, events).run(&plan, RunOptions::default()).await;
    summary.map(|summary| summary.outcomes[0].1).map_err(|failed| failed.failure.chain())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_published_before_the_service_restarts() {
    let (_dir, node) = machine();
    let config = node.root.place(CONFIG.into());
    let seen = Arc::new(Mutex::new(String::new()));
    let hook = Arc::clone(&seen);
    node.services.on_restart(move |_| *hook.lock().unwrap() = std::fs::read_to_string(&config).unwrap());
    assert_eq!(run(&node).await.unwrap(), Outcome::Changed);
    assert_eq!(*seen.lock().unwrap(), "kind: KubeletConfiguration\n");
    let tree = node.tree();
    assert!(tree.contains_key("/etc/after"));
    assert_eq!(run(&node).await.unwrap(), Outcome::Unchanged);
    assert_eq!((node.tree(), node.services.calls().len()), (tree, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_start_fails_the_phase_and_the_next_run_goes_on() {
    let (_dir, node) = machine();
    node.services.fail("restart kubelet", 1);
    let chain = run(&node).await.unwrap_err();
    assert_eq!(chain.last().unwrap(), "cannot restart the service `kubelet`: the fake init system was told to fail");
    let tree = node.tree();
    assert!(tree.contains_key(CONFIG) && !tree.contains_key("/etc/after"), "{tree:?}");
    assert_eq!(run(&node).await.unwrap(), Outcome::Changed);
    assert_eq!(node.services.calls(), ["restart kubelet"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_is_written_down_before_it_happens_and_settled_as_it_ended() {
    for fails in [false, true] {
        let (_dir, node) = machine();
        let journal = Arc::new(Journal::discarding("000001-20260102T030405Z"));
        let intended = Arc::new(Mutex::new(None));
        let (seen, during) = (Arc::clone(&intended), Arc::clone(&journal));
        node.services.on_restart(move |_| {
            let known = |record: &Record| matches!(record, Record::Intended { .. });
            *seen.lock().unwrap() = Some(during.records().iter().any(known));
        });
        if fails {
            node.services.fail("restart kubelet", 1);
        }
        assert_eq!(run_with(&node, Arc::clone(&journal)).await.is_err(), fails);
        assert_eq!(*intended.lock().unwrap(), (!fails).then_some(true), "the journal knew of it first");
        let settled = journal.records().into_iter().find_map(|record| match record {
            Record::Settled { ok, .. } => Some(ok),
            _ => None,
        });
        assert_eq!(settled, Some(!fails));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_touches_neither_files_nor_services() {
    let (_dir, mut node) = machine();
    let overlay = node.overlay();
    node.backends = node.backends.clone().into_dry_run(overlay.clone(), DryCluster::New).unwrap().0;
    assert_eq!(run(&node).await.unwrap(), Outcome::Changed);
    assert!(node.tree().is_empty() && node.services.calls().is_empty());
    let paths: Vec<String> = overlay.changes().unwrap().iter().map(|change| change.path.to_string()).collect();
    assert_eq!(paths, ["/etc/after", CONFIG]);
}
