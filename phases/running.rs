//! A cluster that runs, as an upgrade needs to know it: how it is configured, which versions are there, which of its nodes
//! this one is, and whether it is well. kubeadm: `util/config/cluster.go`, `phases/upgrade/versiongetter.go`.

mod configuration;
pub mod dns;
pub mod health;
mod manifests;
mod own_node;
mod versions;

pub use configuration::{
    Reader, StoredConfiguration, at as brought_to, read as read_configuration, shown as shown_configuration,
};
pub use manifests::Rendering;
pub use own_node::{ADVERTISED, OwnNode, ReadFile, certified_name, cri_socket, find as find_own_node, node_name};
pub use versions::{ByVersion, RunningVersions, image_tag, read as read_versions};

#[cfg(test)]
mod tests;
