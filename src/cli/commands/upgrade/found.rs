//! The cluster as both commands read it: with the administrator's kubeconfig, and announced in kubeadm's words.

use kubewright_engine::{Failure, FailureContext};
use kubewright_node::KubeAccess;
use kubewright_phases::asking::Asking;
use kubewright_phases::running::{OwnNode, Reader, StoredConfiguration, find_own_node, read_configuration};

use crate::administrator::Administrator;
use crate::backends::Machine;

/// Access with the kubeconfig that was named.
pub fn access(kubeconfig: &str, limit: std::time::Duration) -> Result<KubeAccess, Failure> {
    let access = Administrator::find(Some(kubeconfig)).and_then(|administrator| administrator.access(limit));
    access.context(format!("couldn't create a Kubernetes client from file {kubeconfig:?}"))
}

/// What is said before the configuration is read.
pub fn announced(tag: &str) -> String {
    format!(
        "[{tag}] Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...\n\
         [{tag}] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.\n"
    )
}

/// The stored configuration, and which node this is.
pub async fn configuration(machine: &Machine, access: &KubeAccess) -> Result<(StoredConfiguration, OwnNode), Failure> {
    let asking = Asking::Silent(&*machine.backends.kube);
    let stored = read_configuration(access, asking, Reader::Looker).await?;
    let files = machine.backends.files.clone();
    let read = |path: &camino::Utf8Path| Ok(files.read(path)?);
    let own = find_own_node(&stored, &machine.backends.probe.hostname(), access, asking, &read).await?;
    Ok((stored, own))
}
