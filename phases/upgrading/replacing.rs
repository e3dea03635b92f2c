//! How it is known that a replaced static pod serves: the kubelet runs its new manifest, its containers are ready, and its
//! own probe is answered. And how it is known soon that it never will.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kubewright_node::{KubeErrorKind, NodePods, wait_for};
use serde_json::Value as Json;

use super::{Component, Hands, UpgradedCluster};
use crate::prelude::*;
use crate::static_pod_health::{Ends, Steady, probe_url, unwell};

/// Which manifest the kubelet must run.
#[derive(Debug, Clone, Copy)]
pub enum Runs<'a> {
    /// Another than this one.
    Another(&'a str),
    /// Just this one.
    Just(&'a str),
}

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
        if let Some(failure) = state.container.and_then(|container| ends.judge(component, &container)) {
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

/// How long a component may run with its new manifest without being well: a part of `upgradeManifests`, so that who needs
/// longer raises that. An etcd may read its data for as long as there is time at all; an API server has to ask etcd for
/// everything first; the others listen before they do anything.
pub(crate) fn patience(component: Component, limit: Duration) -> Duration {
    match component {
        Component::Etcd => limit,
        Component::KubeApiserver => (limit / 3).max(Duration::from_secs(100)),
        Component::KubeControllerManager | Component::KubeScheduler => (limit / 5).max(Duration::from_secs(60)),
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
        Some(failure.context(format!("{component} does not come up")).kind(FailureKind::Deadline).hint(
            "if all that it needs is more time, give it more by `timeouts.upgradeManifests`: it has a part of that",
        ))
    }
}

#[cfg(test)]
#[path = "replacing/tests.rs"]
mod tests;
