//! How it is known that a replaced static pod serves: the kubelet runs its new manifest, its containers are ready, and its
//! own probe is answered. And how it is known soon that it never will.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kubewright_node::{Attempt, ContainerInfo, KubeErrorKind, NodePods, wait_for};
use serde_json::Value as Json;

use super::{Component, Hands, UpgradedCluster};
use crate::prelude::*;

/// Which manifest the kubelet must run.
#[derive(Debug, Clone, Copy)]
pub enum Runs<'a> {
    /// Another than this one.
    Another(&'a str),
    /// Just this one.
    Just(&'a str),
}

/// How often a container may end after its manifest was replaced, before it is given up: as often as one may that comes up
/// before what it needs.
const ENDS: u32 = 3;

/// Waits until a component serves with its manifest: `limit` in all, and `patience` from when the kubelet runs that.
///
/// # Errors
/// It does not in time, or ends again and again.
pub async fn wait_serving(
    component: Component,
    manifest: &Json,
    runs: Runs<'_>,
    found: &UpgradedCluster,
    (limit, patience): (Duration, Duration),
    hands: &Hands<'_>,
) -> Result<(), Failure> {
    let url = probe_url(manifest);
    let (ends, green) = (Ends::default(), Green::within(patience));
    let steady = Steady::for_at_least(hands.pods.steady());
    let not_well = |why: String| Ok(steady.broken(why));
    let pods = found.pods();
    let NodePods { node, socket, .. } = pods;
    wait_for(hands.report, format!("{component} to serve with its manifest"), limit, || async {
        let state = match hands.pods.state(&pods, component.name()).await {
            Ok(Some(state)) => state,
            Ok(None) => return not_well(format!("the kubelet has no pod {component}-{node} yet")),
            Err(error) if error.kind == KubeErrorKind::Access => return Err(error.into()),
            Err(error) => return not_well(error.to_string()),
        };
        let runs_it = match runs {
            Runs::Another(old) => state.hash != old,
            Runs::Just(hash) => state.hash == hash,
        };
        if !runs_it {
            return not_well("the kubelet runs the other manifest still".into());
        }
        if let Ok(containers) = hands.runtime.containers(socket).await
            && let Some(failure) = ends.judge(component, &containers)
        {
            return Err(failure);
        }
        let why = match (state.unready, &url) {
            (Some(why), _) => Some(why),
            (None, Some(url)) => unwell(hands.probe, url).await,
            (None, None) => None,
        };
        match why {
            Some(why) => match green.judge(component, &why) {
                Some(failure) => Err(failure),
                None => not_well(why),
            },
            None => Ok(steady.well()),
        }
    })
    .await
    .hint(format!("look at its output: `crictl --runtime-endpoint {socket} logs` with the container's number"))
}

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

/// How long a component may run with its new manifest without being well: a third of `upgradeManifests`, so that who needs
/// longer raises that, and 100 s at least. An etcd may read its data for as long as there is time at all.
pub(crate) fn patience(component: Component, limit: Duration) -> Duration {
    match component {
        Component::Etcd => limit,
        _ => (limit / 3).max(Duration::from_secs(100)),
    }
}

/// Knows since when a component has run without being well.
struct Green {
    within: Duration,
    since: OnceLock<Instant>,
}

impl Green {
    fn within(patience: Duration) -> Self {
        Self { within: patience, since: OnceLock::new() }
    }

    /// It runs, and is not well.
    fn judge(&self, component: Component, why: &str) -> Option<Failure> {
        let since = self.since.get_or_init(Instant::now);
        if since.elapsed() < self.within {
            return None;
        }
        let seconds = self.within.as_secs();
        let failure = Failure::new(format!("the kubelet has run it for {seconds} s, and it is not well: {why}"));
        Some(
            failure
                .context(format!("{component} does not come up"))
                .kind(FailureKind::Deadline)
                .hint("if all that it needs is more time: it has a third of `timeouts.upgradeManifests` for this"),
        )
    }
}

/// Counts how often a component's container has ended since this began to look.
#[derive(Default)]
pub(crate) struct Ends {
    /// One more than the fewest restarts that were seen; a replaced pod counts from 0 anew.
    fewest: AtomicU32,
}

impl Ends {
    pub(crate) fn judge(&self, component: Component, containers: &[ContainerInfo]) -> Option<Failure> {
        let container = containers.iter().rfind(|container| container.name == component.name())?;
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
#[path = "replacing/tests.rs"]
mod tests;
