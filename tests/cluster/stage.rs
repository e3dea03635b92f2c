//! Nodes to try commands on: taken back before the test and after it, and looked at when it fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::command::Kubewright;
use kubewright_config::VersionFacts;
use kubewright_lab::{Cluster, Lab, Maker, Node, Reader, Setup, Shape, write_configuration};

/// The program under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_kubewright");

/// Nodes without a cluster, and what they were made from.
pub struct Stage {
    lab: Lab,
    setup: Setup,
    nodes: Vec<Node>,
}

impl Stage {
    /// Nodes `node1` to `nodeN`: made, or taken back when they stand already, because making takes longer.
    pub fn with_nodes(count: usize) -> Self {
        let (lab, setup) = Lab::for_tests().unwrap();
        let nodes: Vec<Node> = (1..=count).map(|number| lab.node(&format!("node{number}")).unwrap()).collect();
        for node in &nodes {
            let stood = node.running();
            node.ensure(&setup).unwrap();
            if stood {
                node.reset(&setup).unwrap();
            }
            node.install(Path::new(BINARY)).unwrap();
        }
        Self { lab, setup, nodes }
    }

    /// One of the nodes, counted from 1 as in its name.
    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number - 1]
    }

    /// Takes a node back in the middle of a test.
    pub fn reset(&self, number: usize) {
        self.node(number).reset(&self.setup).unwrap();
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

    /// A cluster of the first nodes, made by one program and joined by another; nothing of it is there yet.
    pub fn cluster(&self, maker: Maker, joiner: Maker, control_planes: u8, workers: u8) -> Cluster<'_> {
        let shape = Shape { control_planes, workers };
        let cluster = Cluster::new(&self.lab, &self.setup, maker, shape).unwrap().joined_by(joiner).unwrap();
        cluster.balance().unwrap();
        cluster
    }

    /// Waits until the nodes are Ready and their pods run: all of them, or those that are control planes and workers.
    pub fn wait_until_up(&self, control_planes: u8, workers: u8) {
        let shape = Shape { control_planes, workers };
        Cluster::new(&self.lab, &self.setup, ours(), shape).unwrap().wait_until_up().unwrap();
    }

    /// What kubewright's table says about the version that the nodes run.
    pub fn facts(&self) -> &VersionFacts {
        self.setup.kubernetes.facts()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for node in &self.nodes {
            if std::thread::panicking() {
                eprintln!("{}", node.diagnosis());
            }
            // What still runs would take the time of the tests that follow.
            if let Err(error) = node.reset(&self.setup) {
                eprintln!("{} could not be taken back: {error}", node.name());
            }
        }
    }
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
