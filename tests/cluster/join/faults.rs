//! Faults between a joining node and a real API server: no failure that is none, nothing twice, and an end. Those between us
//! and a real etcd are tried in `src/etcd/trials`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kubewright_lab::Maker;
use serde_json::json;

use super::super::api_proxy::{ApiProxy, Fault, Request};
use super::super::command::Kubewright;
use super::super::members::voters;
use super::super::stage::{self, Stage, succeed};
use super::{As, Site};

/// What every request meets, one after the other.
const FAULTS: [Fault; 6] = [
    Fault::Status(429),
    Fault::Cut,
    Fault::Status(500),
    Fault::LoseReply,
    Fault::Status(503),
    Fault::Slow(Duration::from_millis(1500)),
];

/// How long a server that stays broken is put up with.
const LIMIT: Duration = Duration::from_secs(6);

#[test]
#[ignore = "needs lab nodes"]
fn faults_before_a_real_api_server_fail_no_join_and_have_an_end() {
    let site = Site::with_nodes(3);
    let first = site.stage.node(1);
    site.stage.unbalance();
    let proxy = ApiProxy::before(first, site.stage.network());

    // Without any, a worker's join asks no more than the peer's.
    let (peers, own) = requests_of_both(&site, &proxy, 3);
    assert!(!own.is_empty() && own.len() <= peers.len(), "ours:\n{own:#?}\nthe peer's:\n{peers:#?}");
    eprintln!("requests of a worker's join: {} of the peer's, {} of ours", peers.len(), own.len());

    // Every request of ours meets every fault once, before the answer that it wants.
    let (control_plane, worker) = (site.join(2, As::Uploaded), site.join(3, As::Worker));
    proxy.choose(each_in_turn(&FAULTS));
    let start = Instant::now();
    let (planes, workers) = (control_plane.start(), worker.start());
    for ended in [planes.end(), workers.end()] {
        assert!(ended.status.success(), "{}", ended.said());
    }
    let took = start.elapsed().as_secs_f64();
    let log: Vec<_> = proxy.log().into_iter().filter(|(request, _)| ours(request)).collect();
    let mut met: BTreeMap<&Request, Vec<Fault>> = BTreeMap::new();
    for (request, fault) in &log {
        met.entry(request).or_default().extend(*fault);
    }
    for (request, faults) in &met {
        eprintln!("{} {}: {} faults", request.method, request.path, faults.len());
        let least = if request.writes() { 4 } else { FAULTS.len() };
        assert!(faults.len() >= least, "{request:?} met {faults:?} only");
    }
    let writes: BTreeSet<_> = met.keys().filter(|request| request.writes()).collect();
    assert!(met.len() > 6 && writes.len() >= 2, "{met:?}");
    eprintln!("{} requests, {} different ones: joined after {took:.1} s", log.len(), met.len());
    assert_eq!(voters(first).into_iter().collect::<Vec<_>>(), ["node1", "node2"]);
    let nodes = first.run(["kubectl", &to(&site.stage), "get", "nodes", "-o", "name"]).unwrap();
    assert_eq!(nodes.lines().collect::<Vec<_>>(), ["node/node1", "node/node2", "node/node3"]);
    proxy.choose(|_| None);
    site.take_out([2, 3]);

    // Broken for good: at the first question, and at the last change.
    for (number, how, method, word) in [(3, As::Worker, "GET", "cluster-info"), (2, As::Uploaded, "PATCH", "node2")] {
        let join = impatient(&site, number, how);
        for fault in [Fault::Status(503), Fault::Cut] {
            let struck = move |request: &Request| ours(request) && request.method == method;
            proxy.choose(move |request| struck(request).then_some(fault));
            let start = Instant::now();
            let ended = join.run();
            let took = start.elapsed();
            assert_eq!(ended.status.code(), Some(1), "{fault:?} at {method}:\n{}", ended.said());
            let said = ended.err.lines().filter(|line| line.starts_with("error:")).collect::<Vec<_>>();
            assert!(said.len() == 1 && said[0].contains(word), "{fault:?} at {method}:\n{}", ended.said());
            eprintln!("{fault:?} at every {method}: ended after {:.1} s: {}", took.as_secs_f64(), said[0]);
            assert!(took < Duration::from_secs(90), "{fault:?} at {method} took {took:?}");
        }
        proxy.choose(|_| None);
        join.succeed();
    }
    assert_eq!(voters(first).into_iter().collect::<Vec<_>>(), ["node1", "node2"]);

    drop(proxy);
    site.cluster().balance().unwrap();
    site.take_out([2, 3]);
    site.hand_on();
}

/// What a worker's join asks of the API server, the peer's and ours.
fn requests_of_both(site: &Site, proxy: &ApiProxy, number: usize) -> (Vec<Request>, Vec<Request>) {
    let node = site.stage.node(number);
    let asked = |agent: &str| {
        let log = proxy.log().into_iter().map(|(request, _)| request);
        log.filter(|request| request.agent.starts_with(agent)).collect::<Vec<_>>()
    };
    let cluster = site.stage.cluster(stage::ours(), Maker::Kubeadm, 1, 1);
    let file = cluster.write_join(node, &site.ticket, false).unwrap();
    proxy.choose(|_| None);
    // Its preflight wants crictl. What it asks the API server, it asks in other phases too.
    succeed(
        &mut node.command(["kubeadm", "join", "--skip-phases=preflight", "--config", &file.to_string_lossy()]).unwrap(),
    );
    let peers = asked("kubeadm/");
    site.take_out([number]);
    let join = site.join(number, As::Worker);
    proxy.choose(|_| None);
    join.succeed();
    let own = asked("kubewright/");
    site.take_out([number]);
    (peers, own)
}

fn ours(request: &Request) -> bool {
    request.agent.starts_with("kubewright/")
}

/// Each request meets each of the faults once, in their order.
fn each_in_turn(faults: &'static [Fault]) -> impl FnMut(&Request) -> Option<Fault> + Send {
    let mut next: BTreeMap<Request, usize> = BTreeMap::new();
    move |request| {
        if !ours(request) {
            return None;
        }
        let at = next.entry(request.clone()).or_default();
        *at += 1;
        faults.get(*at - 1).copied()
    }
}

/// The command that joins a node and does not put up with a broken server for minutes.
fn impatient(site: &Site, number: usize, how: As) -> Kubewright<'_> {
    site.join_changed(number, how, |document| {
        let limit = format!("{}s", LIMIT.as_secs());
        document["timeouts"] = json!({"discovery": limit, "kubernetesAPICall": limit});
    })
}

/// The first node's own API server, whatever stands before it.
fn to(stage: &Stage) -> String {
    format!("--server=https://{}:6443", stage.node(1).address())
}
