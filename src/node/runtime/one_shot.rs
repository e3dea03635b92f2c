//! A program of an image that is run once, in a pod which only the runtime knows of.

use std::time::Duration;

use camino::Utf8PathBuf;

/// What is run, and what it sees of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneShot {
    /// The pod's name, in a namespace of our own; there is one of a name at a time.
    pub name: String,
    /// The image, which must be there.
    pub image: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What of the machine is in the container.
    pub mounts: Vec<BoundPath>,
    /// Where the runtime writes what the program prints, in the form of the kubelet's logs. The directory must be there.
    pub log: Utf8PathBuf,
    /// The control group above the pod's; empty for the runtime's own choice.
    pub cgroup_parent: String,
    /// How long it may run.
    pub limit: Duration,
}

/// A file or directory of the machine in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundPath {
    /// Where it is on the machine.
    pub machine: Utf8PathBuf,
    /// Where the program sees it.
    pub container: Utf8PathBuf,
    /// The program may only read it.
    pub read_only: bool,
}
