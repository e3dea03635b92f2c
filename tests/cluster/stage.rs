//! Nodes to try commands on: taken back before the test and after it, and looked at when it fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::command::Kubewright;
use super::post_conditions::{Expected, post_conditions};
use kubewright_config::VersionFacts;
use kubewright_lab::{Cluster, Lab, Maker, Node, Reader, Setup, Shape, write_configuration};

/// The program under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_kubewright");

/// Nodes without a cluster, and what they were made from.
pub struct Stage {
    lab: Lab,
    setup: Setup,
    nodes: Vec<Node>,
    keeps_first: bool,
}

/// Where the first node says that the next stage may have the cluster that is on it; gone with every reset.
const KEPT: &str = "/run/kept-for-the-next-test";

impl Stage {
    /// Nodes `node1` to `nodeN`: made, or taken back when they stand already, because making takes longer.
    pub fn with_nodes(count: usize) -> Self {
        let (lab, setup) = Lab::for_tests().unwrap();
        let stage = Self { nodes: nodes(&lab, count), lab, setup, keeps_first: false };
        stage.ready_from_the_start();
        stage
    }

    /// The same, but the first node keeps the cluster that an earlier test left on it by [`Self::keep_first`], if `fits`
    /// finds it as it should be. Gives whether it did.
    pub fn with_kept_first(count: usize, fits: impl FnOnce(&Node) -> bool) -> (Self, bool) {
        let (lab, setup) = Lab::for_tests().unwrap();
        let stage = Self { nodes: nodes(&lab, count), lab, setup, keeps_first: false };
        let (first, others) = stage.nodes.split_first().unwrap();
        let left = first.running() && fs::read_to_string(first.path(KEPT)).ok() == Some(program_identity());
        if left {
            stage.ready(others);
        }
        let kept = left && fits(first);
        if !kept {
            stage.ready_from_the_start();
        }
        (stage, kept)
    }

    /// Lets the next test have the first node's cluster, unless this one fails.
    pub fn keep_first(&mut self) {
        fs::write(self.node(1).path(KEPT), program_identity()).unwrap();
        self.keeps_first = true;
    }

    /// Leaves nothing of an earlier test: its load balancer would go on asking at port 6443, whoever listens there now.
    fn ready_from_the_start(&self) {
        self.unbalance();
        self.ready(&self.nodes);
    }

    /// Makes nodes that are not there, and takes back those that are.
    fn ready(&self, nodes: &[Node]) {
        let stood: Vec<&Node> = nodes.iter().filter(|node| node.running()).collect();
        for node in nodes {
            node.ensure(&self.setup).unwrap();
        }
        self.lab.reset(&stood, &self.setup).unwrap();
        for node in nodes {
            node.install(Path::new(BINARY)).unwrap();
        }
    }

    /// One of the nodes, counted from 1 as in its name.
    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number - 1]
    }

    /// Takes a node back in the middle of a test.
    pub fn reset(&self, number: usize) {
        self.reset_all([number]);
    }

    /// Takes several nodes back at once.
    pub fn reset_all(&self, numbers: impl IntoIterator<Item = usize>) {
        let nodes: Vec<&Node> = numbers.into_iter().map(|number| self.node(number)).collect();
        self.lab.reset(&nodes, &self.setup).unwrap();
    }

    /// The network namespace in which the load balancer listens.
    pub fn network(&self) -> PathBuf {
        self.lab.network()
    }

    /// Stops the load balancer: a proxy may stand in its place then.
    pub fn unbalance(&self) {
        self.lab.unbalance().unwrap();
    }

    /// A configuration file for kubewright, or for the peer, on a node.
    pub fn configuration(&self, number: usize, reader: Reader) -> PathBuf {
        write_configuration(self.node(number), &self.setup, reader).unwrap()
    }

    /// `kubewright init --config FILE` on the first node, with the lab's configuration.
    pub fn init(&self) -> Kubewright<'_> {
        let file = self.configuration(1, Reader::Kubewright);
        Kubewright::on(self.node(1)).words(["init", "--config"]).word(file)
    }

    /// A cluster of the first nodes, made by one program and joined by another; nothing of it is there yet, not the load
    /// balancer either.
    pub fn cluster(&self, maker: Maker, joiner: Maker, control_planes: u8, workers: u8) -> Cluster<'_> {
        let shape = Shape { control_planes, workers };
        Cluster::new(&self.lab, &self.setup, maker, shape).unwrap().joined_by(joiner).unwrap()
    }

    /// Waits until a cluster is up, and checks that it is as kubeadm's own end-to-end suite wants it.
    pub fn wait_until_whole(&self, expected: &Expected) {
        self.wait_until_up(expected.control_planes, expected.workers);
        post_conditions(self, expected);
    }

    /// Waits until the nodes are Ready and their pods run: all of them, or those that are control planes and workers.
    pub fn wait_until_up(&self, control_planes: u8, workers: u8) {
        let shape = Shape { control_planes, workers };
        Cluster::new(&self.lab, &self.setup, ours(), shape).unwrap().wait_until_up().unwrap();
    }

    /// Loads the images of the release that the nodes are upgraded to, and returns its version.
    pub fn next_release(&self) -> String {
        let next = self.lab.prepare_next().unwrap();
        self.nodes.iter().for_each(|node| node.load(&next).unwrap());
        next.kubernetes.version().to_string()
    }

    /// What kubewright's table says about the version that the nodes run.
    pub fn facts(&self) -> &VersionFacts {
        self.setup.kubernetes.facts()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let kept = usize::from(self.keeps_first && !std::thread::panicking());
        if std::thread::panicking() {
            self.nodes.iter().for_each(|node| eprintln!("{}", node.diagnosis()));
        }
        // What still runs would take the time of the tests that follow.
        let nodes: Vec<&Node> = self.nodes.iter().skip(kept).collect();
        if let Err(error) = self.lab.reset(&nodes, &self.setup) {
            eprintln!("the nodes could not be taken back: {error}");
        }
    }
}

fn nodes(lab: &Lab, count: usize) -> Vec<Node> {
    (1..=count).map(|number| lab.node(&format!("node{number}")).unwrap()).collect()
}

/// Which build made a cluster: one by another is not the one under test.
fn program_identity() -> String {
    let built = fs::metadata(BINARY).and_then(|found| found.modified()).unwrap();
    format!("{BINARY} {built:?}")
}

/// The program under test, as a maker of clusters.
pub fn ours() -> Maker {
    Maker::Kubewright(PathBuf::from(BINARY))
}

/// What a program printed, both streams.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

/// Runs a command that must succeed, and returns what it printed on standard output.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
