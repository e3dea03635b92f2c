//! Whoever holds a port of ours keeps a component from starting.

use async_trait::async_trait;
use kubewright_config::VersionFacts;
use kubewright_node::Probe;

use crate::checks::{Check, Finding, Name, Subject, errors};

/// The check `Port-N`.
pub struct Port;

#[async_trait]
impl Check for Port {
    fn about(&self) -> &'static str {
        "Find the control plane's ports free"
    }

    fn why(&self) -> &'static str {
        "A component that cannot listen at its port does not start, and init would wait for it in vain."
    }

    fn fix(&self) -> &'static str {
        "see who holds the port (`ss -ltnp`) and stop it; a kubelet that runs already holds 10250"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["Port-6443", "Port-10259", "Port-10257", "Port-10250", "Port-2379", "Port-2380"])
    }

    fn rank(&self) -> u16 {
        50
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let mut ports = vec![subject.init.local_api_endpoint.bind_port, 10259, 10257, 10250];
        if subject.cluster.etcd.local().is_some() {
            ports.extend([2379, 2380]);
        }
        ports.into_iter().filter_map(|port| taken(port, subject.probe)).collect()
    }
}

/// Whether somebody holds the port.
pub fn taken(port: u16, probe: &Probe) -> Option<Finding> {
    let error = probe.try_listen(port).err()?;
    Some(Finding::error(
        format!("Port-{port}"),
        format!("Port {port} is in use: {error}"),
        format!("see who holds it: `ss -ltnp sport = :{port}`, and stop it"),
    ))
}
