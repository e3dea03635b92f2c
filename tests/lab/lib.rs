//! Real Kubernetes nodes made of namespaces on one Debian machine, as root, for tests and for trying things out.
//!
//! [`Lab::open`], [`Lab::prepare`] and [`Node::ensure`] give an empty node; [`Node::exec`] runs on it, and
//! [`Node::reset`] takes it back. The binary `lab` (`cargo lab`) does the same by hand. See docs/lab.md.

mod balancer;
mod bench;
mod cgroup;
mod check;
mod cli;
mod cluster;
mod configuration;
mod containerd;
mod debian_build;
mod differential;
mod error;
mod image;
mod images;
mod kubernetes;
mod lab;
mod layout;
mod mutations;
mod network;
mod node;
mod packages;
mod program;
mod requests;
mod say;
mod wait;
mod workspace;

pub use cli::main;
pub use cluster::{Cluster, Copying, Maker, Shape, copy_certificates, write_configuration};
pub use configuration::{Reader, Ticket};
pub use containerd::SOCKET;
pub use error::{LabError, Result};
pub use kubernetes::Kubernetes;
pub use lab::{Lab, Setup};
pub use layout::Cache;
pub use network::SWITCH_ADDRESS;
pub use node::Node;
