//! Others look the node up by its name.

use async_trait::async_trait;
use std::time::Duration;

/// A resolver that does not answer must not hold the checks up.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(2);

use crate::checks::{Check, Finding, Subject};

/// The check `Hostname`.
pub struct Hostname;

#[async_trait]
impl Check for Hostname {
    fn about(&self) -> &'static str {
        "Have a node name that can be looked up"
    }

    fn rank(&self) -> u16 {
        220
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let name = &subject.init.node_registration.name;
        match subject.probe.resolve(name, LOOK_UP_LIMIT).await {
            Ok(addresses) if !addresses.is_empty() => Vec::new(),
            Ok(_) => vec![Finding::warning(
                "Hostname",
                format!("hostname \"{name}\" could not be reached"),
                format!("add {name} to DNS or to /etc/hosts"),
            )],
            Err(error) => vec![Finding::warning(
                "Hostname",
                format!("hostname \"{name}\" could not be reached: {error}"),
                format!("add {name} to DNS or to /etc/hosts"),
            )],
        }
    }
}
