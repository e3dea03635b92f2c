//! `join`: control planes and workers, several at once, again and again.

use std::collections::BTreeSet;
use std::time::Instant;

use kubewright_lab::{Cluster, Ticket, copy_certificates};

use super::command::{Ended, Kubewright};
use super::members::{take_out, voters};
use super::post_conditions::{Expected, post_conditions};
use super::secrets::secrets_in;
use super::stage::{Stage, ours};

/// How often all nodes join at once; each round takes about as long as the one cluster that is wanted. By hand more:
/// `KUBEWRIGHT_ROUNDS=50 cargo lab test cluster::join`.
const ROUNDS: usize = 2;

/// How a node is to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    /// A control plane with uploaded certificates.
    Uploaded,
    /// A control plane with certificates that were copied by hand.
    Copied,
    /// A worker.
    Worker,
}

#[test]
#[ignore = "needs lab nodes"]
fn all_that_start_in_the_same_second_become_members_every_time() {
    let rounds = std::env::var("KUBEWRIGHT_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let stage = Stage::with_nodes(6);
    let cluster = stage.cluster(ours(), ours(), 4, 0);
    let file = cluster.write_init(stage.node(1)).unwrap();
    Kubewright::on(stage.node(1)).words(["init", "--config"]).word(file).succeed();
    let ticket = cluster.ticket(stage.node(1), true).unwrap();

    for round in 1..=rounds {
        // The cluster of the books, with both ways to bring certificates; then three further control planes at once.
        let (joining, control_planes) = match round % 2 {
            1 => (vec![As::Uploaded, As::Copied, As::Worker, As::Worker], 3),
            _ => (vec![As::Copied, As::Uploaded, As::Uploaded], 4),
        };
        at_once(&stage, &cluster, &ticket, &joining, control_planes);
        if round == 1 {
            let config = stage
                .node(1)
                .run(["kubectl", "get", "-n", "kube-system", "configmap", "kubeadm-config", "-o", "yaml"])
                .unwrap();
            for number in 1..=3 {
                let listed = config.contains(&format!("advertiseAddress: {}", stage.node(number).address()));
                assert_eq!(listed, stage.facts().api.cluster_status, "{config}");
            }
            post_conditions(&stage, &Expected { control_planes: 3, uploaded: true, coredns: true });
        }
        take_out(&stage, 2..2 + joining.len());
    }
    at_once(&stage, &cluster, &ticket, &[As::Worker; 5], 1);
}

/// Lets nodes join in the same second, and returns when they are members.
fn at_once(stage: &Stage, cluster: &Cluster<'_>, ticket: &Ticket, joining: &[As], control_planes: u8) {
    let start = Instant::now();
    let started: Vec<_> =
        (2..).zip(joining).map(|(number, how)| (number, join(stage, cluster, ticket, number, *how).start())).collect();
    for (number, running) in started {
        let ended = running.end();
        let how = joining[number - 2];
        assert!(ended.status.success(), "node{number} as {how:?} of {joining:?}:\n{}", ended.said());
        tells_no_secret(stage, ticket, number, &ended);
    }
    let joined = start.elapsed();
    stage.wait_until_up(control_planes, u8::try_from(joining.len() + 1).unwrap() - control_planes);
    let wanted: BTreeSet<String> = (1..=usize::from(control_planes)).map(|number| stage.node(number).name()).collect();
    assert_eq!(voters(stage.node(1)), wanted);
    eprintln!(
        "{joining:?}: joined after {:.1} s, all up after {:.1} s",
        joined.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
}

/// The command that joins a node.
fn join<'a>(stage: &'a Stage, cluster: &Cluster<'_>, ticket: &Ticket, number: usize, how: As) -> Kubewright<'a> {
    let node = stage.node(number);
    let mut ticket = ticket.clone();
    if how == As::Copied {
        copy_certificates(stage.node(1), node).unwrap();
        ticket.certificate_key = None;
    }
    let file = cluster.write_join(node, &ticket, how != As::Worker).unwrap();
    Kubewright::on(node).words(["join", "--config"]).word(file)
}

/// Nothing that the run printed or wrote down for itself holds the token, the key to the certificates, or a key.
fn tells_no_secret(stage: &Stage, ticket: &Ticket, number: usize, ended: &Ended) {
    let found = secrets_in(stage.node(number), ticket, ended);
    assert_eq!(found, [""; 0], "node{number}");
}
