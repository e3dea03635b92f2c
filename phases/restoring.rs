//! What `etcd restore`, `upgrade rollback --restore-etcd` and the way back of an upgrade share: putting a copy of etcd's data
//! back where its member is the only one. How, and why so: docs/design/upgrade.md.

pub mod alone;
pub mod record;
pub mod serving;
pub mod steps;
pub mod tool;

pub use record::Restore;

use kubewright_node::Snapshots;

use crate::prelude::*;

/// The powers with which data is put back.
pub struct Restoring<'a> {
    /// Files.
    pub files: &'a Files,
    /// The kubelet.
    pub services: &'a Services,
    /// The container runtime.
    pub runtime: &'a Runtime,
    /// Its address.
    pub socket: &'a str,
    /// Copies of etcd's data.
    pub snapshots: &'a Snapshots,
    /// Where it is told.
    pub report: &'a Report,
}

/// What phases that put data back ask for, and [`Restoring`] is made from.
pub type Powers = (Use<Files>, Use<Services>, Use<Runtime>, Use<Snapshots>);

impl<'a> Restoring<'a> {
    /// With the powers of a phase and the runtime's address, told by its report.
    pub fn of((files, services, runtime, snapshots): &'a Powers, socket: &'a str, report: &'a Report) -> Self {
        Self { files, services, runtime, socket, snapshots, report }
    }
}

/// What the command line of `etcd restore` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreOptions {
    /// `--snapshot`: the copy.
    pub snapshot: Utf8PathBuf,
    /// The runtime's socket.
    pub socket: String,
}

impl Value for RestoreOptions {
    const NAME: &'static str = "restore-flags";
}

/// What everything here is told under.
pub const TAG: &str = "etcd/restore";
