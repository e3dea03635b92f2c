//! The graph of each command that runs phases; its tree is the command's help, and the commands below `phase`.
//!
//! Each panics when the phases do not make a graph, which the test `graph_is_sound` finds first.

use kubewright_engine::{Entry, Workflow};
use kubewright_node::Node;
use kubewright_phases as phases;

/// The names that the journal and the laws know `upgrade`'s graphs by.
pub const UPGRADE_APPLY: &str = "upgrade apply";
/// See [`UPGRADE_APPLY`].
pub const UPGRADE_NODE: &str = "upgrade node";
/// See [`UPGRADE_APPLY`].
pub const UPGRADE_ROLLBACK: &str = "upgrade rollback";
/// The name of the graph of `etcd restore`.
pub const ETCD_RESTORE: &str = "etcd restore";

type Groups = &'static [(&'static str, &'static str)];

fn graph(name: &'static str, entries: &'static [Entry<Node>], groups: Groups) -> Workflow<Node> {
    Workflow::new(name, entries).expect("the test `graph_is_sound` builds this graph").with_groups(groups)
}

/// `init`.
pub fn init() -> Workflow<Node> {
    graph("init", phases::INIT, phases::INIT_GROUPS)
}

/// `join`.
pub fn join() -> Workflow<Node> {
    graph("join", phases::JOIN, phases::JOIN_GROUPS)
}

/// `reset`.
pub fn reset() -> Workflow<Node> {
    graph("reset", phases::RESET, phases::RESET_GROUPS)
}

/// `certs renew`.
pub fn renew() -> Workflow<Node> {
    graph("renew", phases::RENEW, phases::RENEW_GROUPS)
}

/// `upgrade apply`.
pub fn upgrade_apply() -> Workflow<Node> {
    graph(UPGRADE_APPLY, phases::UPGRADE_APPLY, phases::UPGRADE_APPLY_GROUPS)
}

/// `upgrade node`.
pub fn upgrade_node() -> Workflow<Node> {
    graph(UPGRADE_NODE, phases::UPGRADE_NODE, phases::UPGRADE_NODE_GROUPS)
}

/// `upgrade rollback`.
pub fn upgrade_rollback() -> Workflow<Node> {
    graph(UPGRADE_ROLLBACK, phases::UPGRADE_ROLLBACK, phases::UPGRADE_ROLLBACK_GROUPS)
}

/// `etcd restore`.
pub fn etcd_restore() -> Workflow<Node> {
    graph(ETCD_RESTORE, phases::ETCD_RESTORE, phases::ETCD_RESTORE_GROUPS)
}
