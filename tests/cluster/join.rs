//! `join` on nodes. Its tests share one control plane, which each hands on to the next as it found it, since making one takes
//! longer than most of what is tried with it.

mod discovery;
mod faults;
mod killed;
mod outages;
mod rounds;

use std::fs;

use kubewright_lab::{Cluster, Node, Ticket, copy_certificates};
use serde_json::Value as Json;

use super::command::Kubewright;
use super::members::{members, take_out};
use super::stage::{Stage, ours};

/// How many control planes the load balancer is to know: the first and those that join.
const CONTROL_PLANES: u8 = 4;

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

/// A control plane behind the load balancer, and nodes that are to join it.
struct Site {
    stage: Stage,
    ticket: Ticket,
}

impl Site {
    /// Nodes `node1` to `nodeN`, of which the first has a cluster of its own.
    fn with_nodes(count: usize) -> Self {
        let (stage, kept) = Stage::with_kept_first(count, alone_and_well);
        let cluster = stage.cluster(ours(), ours(), CONTROL_PLANES, 0);
        cluster.balance().unwrap();
        let first = stage.node(1);
        if !kept {
            let file = cluster.write_init(first).unwrap();
            Kubewright::on(first).words(["init", "--config"]).word(file).succeed();
        }
        let ticket = cluster.ticket(first, true).unwrap();
        Self { stage, ticket }
    }

    fn cluster(&self) -> Cluster<'_> {
        self.stage.cluster(ours(), ours(), CONTROL_PLANES, 0)
    }

    /// The command that joins a node.
    fn join(&self, number: usize, how: As) -> Kubewright<'_> {
        self.join_changed(number, how, |_| {})
    }

    /// The same, with its JoinConfiguration changed.
    fn join_changed(&self, number: usize, how: As, change: impl FnOnce(&mut Json)) -> Kubewright<'_> {
        let node = self.stage.node(number);
        let mut ticket = self.ticket.clone();
        if how == As::Copied {
            copy_certificates(self.stage.node(1), node).unwrap();
            ticket.certificate_key = None;
        }
        let file = self.cluster().write_join(node, &ticket, how != As::Worker).unwrap();
        // The lab writes JSON after one line.
        let text = fs::read_to_string(&file).unwrap();
        let mut document: Json = serde_json::from_str(text.trim_start_matches("---\n")).unwrap();
        change(&mut document);
        fs::write(&file, document.to_string()).unwrap();
        Kubewright::on(node).words(["join", "--config"]).word(file)
    }

    /// Takes nodes out of the cluster again.
    fn take_out(&self, numbers: impl IntoIterator<Item = usize>) {
        take_out(&self.stage, numbers);
    }

    /// Leaves the control plane to the next test.
    fn hand_on(mut self) {
        self.stage.keep_first();
    }
}

/// Whether the node's cluster is what [`Site::with_nodes`] makes: nobody but itself.
fn alone_and_well(first: &Node) -> bool {
    let nodes = first.run(["kubectl", "--request-timeout=5s", "get", "nodes", "-o", "name"]);
    nodes.is_ok_and(|names| names.trim() == format!("node/{}", first.name())) && members(first).len() == 1
}
