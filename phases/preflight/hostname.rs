//! Others look the node up by its name.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, LOOK_LIMIT, Name, Subject, warnings};

/// The check `Hostname`.
pub struct Hostname;

#[async_trait]
impl Check for Hostname {
    fn about(&self) -> &'static str {
        "Have a node name that can be looked up"
    }

    fn why(&self) -> &'static str {
        "Components and people look the node up by its name; a name of more than 63 characters cannot be a label's value."
    }

    fn fix(&self) -> &'static str {
        "add the name to DNS or to /etc/hosts, or choose another with --node-name"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        warnings(["Hostname"])
    }

    fn rank(&self) -> u16 {
        220
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let name = &subject.init.node_registration.name;
        let fix = format!("add {name} to DNS or to /etc/hosts");
        let unreachable = |why: &str| Finding::warning("Hostname", format!("hostname \"{name}\" {why}"), &*fix);
        let mut findings = Vec::new();
        if name.len() > LONGEST {
            let message =
                format!("invalid node name format \"{name}\": name part must be no more than {LONGEST} characters");
            findings.push(Finding::warning("Hostname", message, "choose a shorter name with --node-name"));
        }
        match subject.probe.resolve(name, LOOK_LIMIT).await {
            Ok(addresses) if !addresses.is_empty() => {}
            Ok(_) => findings.push(unreachable("could not be reached")),
            Err(error) => findings.push(unreachable(&format!("could not be reached: {error}"))),
        }
        findings
    }
}

/// As kubeadm: `validation.IsQualifiedName`. The other rules for names are those of the configuration, and stricter.
const LONGEST: usize = 63;
