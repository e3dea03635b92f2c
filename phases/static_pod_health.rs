//! Whether a static pod is well: its own probe is answered, for a while without a break, and its container does not end
//! again and again. What is replaced and what is started again with other data are judged by the same.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kubewright_node::{Attempt, ContainerInfo};
use serde_json::Value as Json;

use crate::component::Component;
use crate::prelude::*;

/// How often a container may end after its manifest was replaced, before it is given up: as often as one may that comes up
/// before what it needs.
const ENDS: u32 = 3;

/// What the address that the kubelet asks says against a component; `None` when it is well.
pub(crate) async fn unwell(probe: &Probe, url: &str) -> Option<String> {
    match probe.health(url).await {
        Ok(answer) if answer.status == 200 => None,
        Ok(answer) => Some(format!("{url} answers {} {}", answer.status, answer.body.trim())),
        Err(why) => Some(format!("{url}: {why}")),
    }
}

/// Counts how long a component has been well without a break: one that comes up and goes again is not.
pub(crate) struct Steady {
    wanted: Duration,
    began: Instant,
    /// Milliseconds after the beginning, and one more, so that 0 means never.
    since: AtomicU64,
}

impl Steady {
    pub(crate) fn for_at_least(wanted: Duration) -> Self {
        Self { wanted, began: Instant::now(), since: AtomicU64::new(0) }
    }

    /// It is not well. Whoever was until now is looked at anew.
    pub(crate) fn broken(&self, why: String) -> Attempt<()> {
        self.since.store(0, Ordering::Relaxed);
        Attempt::NotYet(why)
    }

    /// It is well now.
    pub(crate) fn well(&self) -> Attempt<()> {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let since = match self.since.load(Ordering::Relaxed) {
            0 => {
                self.since.store(now, Ordering::Relaxed);
                now
            }
            since => since,
        };
        match u128::from(now - since) >= self.wanted.as_millis() {
            true => Attempt::Done(()),
            false => Attempt::NotYet("it is well, and must stay so for a moment".into()),
        }
    }
}

/// Counts how often a component's container has ended since this began to look.
#[derive(Default)]
pub(crate) struct Ends {
    /// One more than the fewest restarts that were seen; a replaced pod counts from 0 anew.
    fewest: AtomicU32,
}

impl Ends {
    /// Judges the newest container of a component among all.
    pub(crate) fn judge_newest(&self, component: Component, containers: &[ContainerInfo]) -> Option<Failure> {
        self.judge(component, containers.iter().rfind(|container| container.name == component.name())?)
    }

    pub(crate) fn judge(&self, component: Component, container: &ContainerInfo) -> Option<Failure> {
        let seen = self.fewest.load(Ordering::Relaxed);
        let fewest = if seen == 0 { container.attempt } else { container.attempt.min(seen - 1) };
        self.fewest.store(fewest + 1, Ordering::Relaxed);
        if container.state != "exited" || container.attempt < fewest + ENDS - 1 {
            return None;
        }
        let code = container.exit_code.map_or_else(|| "an unknown code".to_owned(), |code| format!("code {code}"));
        let log = container.log_path.as_deref().unwrap_or("the runtime's log");
        let failure = Failure::new(format!("its container has ended {ENDS} times, last with {code}"));
        Some(failure.context(format!("{component} does not come up")).hint(format!("its output is in {log}")))
    }
}

/// Where the kubelet asks whether the pod is well: its readiness probe, or else the others.
pub(crate) fn probe_url(manifest: &Json) -> Option<String> {
    let container = manifest.pointer("/spec/containers/0")?;
    let probes = ["readinessProbe", "livenessProbe", "startupProbe"];
    let get = probes.iter().find_map(|probe| container.get(probe)?.get("httpGet"))?;
    let text = |name: &str| get.get(name).and_then(Json::as_str);
    let port = match get.get("port")? {
        Json::String(name) => {
            let ports = container.get("ports")?.as_array()?;
            ports.iter().find(|port| port["name"] == name.as_str())?.get("containerPort")?.as_u64()?
        }
        port => port.as_u64()?,
    };
    let host = text("host").unwrap_or("127.0.0.1");
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let scheme = text("scheme").unwrap_or("HTTP").to_lowercase();
    Some(format!("{scheme}://{host}:{port}{}", text("path").unwrap_or("/")))
}

#[cfg(test)]
mod tests;
