//! A firewall that runs keeps other nodes out unless it was told of them.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, LOOK_LIMIT, Name, Subject, warnings, within};

/// The check `Firewalld`.
pub struct Firewalld;

#[async_trait]
impl Check for Firewalld {
    fn about(&self) -> &'static str {
        "Know of a firewall that is active"
    }

    fn why(&self) -> &'static str {
        "Other nodes reach the API server and this node's kubelet only if firewalld lets them. Its rules are not looked at."
    }

    fn fix(&self) -> &'static str {
        "open the ports: `firewall-cmd --permanent --add-port=6443/tcp --add-port=10250/tcp && firewall-cmd --reload`"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        warnings(["Firewalld"])
    }

    fn rank(&self) -> u16 {
        40
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        if subject.services.init_system().is_none() {
            let message = "no supported init system detected, skipping checking for services";
            return vec![Finding::warning("Firewalld", message, "look yourself whether a firewall is active")];
        }
        let port = subject.init.local_api_endpoint.bind_port;
        // An init system that does not answer is what the check of the kubelet's service says.
        match within(LOOK_LIMIT, "the init system", subject.services.state("firewalld")).await {
            Ok(Ok(state)) if state.exists && state.active => vec![Finding::warning(
                "Firewalld",
                format!(
                    "firewalld is active, please ensure ports [{port} 10250] are open or your cluster may not function \
                     correctly"
                ),
                format!(
                    "open them: `firewall-cmd --permanent --add-port={port}/tcp --add-port=10250/tcp && firewall-cmd \
                     --reload`"
                ),
            )],
            _ => Vec::new(),
        }
    }
}
