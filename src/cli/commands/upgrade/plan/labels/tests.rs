#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use async_trait::async_trait;
use kubewright_node::{KubeAccess, KubeError, KubeErrorKind, Trust};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::*;

/// A network that answers for some labels, after a while; or never for any.
#[derive(Default)]
struct FakeNetwork {
    answers: BTreeMap<&'static str, &'static str>,
    takes: Duration,
}

#[async_trait]
impl DiscoveryBackend for FakeNetwork {
    async fn cluster_info(&self, _: &str, _: &Trust) -> Result<Json, KubeError> {
        Err(nothing())
    }

    async fn cluster_info_as(&self, _: &KubeAccess) -> Result<Json, KubeError> {
        Err(nothing())
    }

    async fn document(&self, url: &str) -> Result<Zeroizing<Vec<u8>>, KubeError> {
        tokio::time::sleep(self.takes).await;
        let label = url.strip_prefix("https://dl.k8s.io/release/").and_then(|rest| rest.strip_suffix(".txt"));
        let answer = label.and_then(|label| self.answers.get(label)).ok_or_else(nothing)?;
        Ok(Zeroizing::new(answer.as_bytes().to_vec()))
    }
}

fn nothing() -> KubeError {
    KubeError { kind: KubeErrorKind::Unreachable, doing: "get", object: "x".into(), message: "no route".into() }
}

async fn found(
    network: &FakeNetwork,
    cluster: &str,
    allowed: Allowed,
) -> (String, Option<String>, Option<(String, String)>) {
    match look_up(network, &cluster.parse().unwrap(), allowed).await {
        Labels::Found { stable, patch, unstable } => (
            stable.to_string(),
            patch.map(|patch| patch.to_string()),
            unstable.map(|(latest, previous)| (latest.to_string(), previous.to_string())),
        ),
        Labels::Given(version) => panic!("nobody gave {version}"),
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_network_the_table_answers_within_two_seconds() {
    let silent = FakeNetwork { takes: Duration::from_secs(3600), ..FakeNetwork::default() };
    let refusing = FakeNetwork::default();
    for network in [&silent, &refusing] {
        let begun = Instant::now();
        let all = Allowed { experimental: true, release_candidates: true };
        let (stable, patch, unstable) = found(network, "v1.20.2", all).await;
        assert_eq!((stable.as_str(), patch.as_deref()), ("v1.21.14", Some("v1.20.15")));
        assert_eq!(unstable, Some(("v1.21.14".into(), "v1.20.15".into())));
        assert!(begun.elapsed() <= LIMIT, "{:?}", begun.elapsed());
    }
    let nothing_more = Allowed::default();
    assert_eq!(found(&refusing, "v1.36.2", nothing_more).await, ("v1.36.2".into(), Some("v1.36.2".into()), None));
    assert_eq!(found(&refusing, "v1.37.0", nothing_more).await, ("v1.37.0".into(), Some("v1.37.0".into()), None));
}

#[tokio::test(start_paused = true)]
async fn the_network_knows_newer_releases() {
    let answers = BTreeMap::from([
        ("stable-1.36", "v1.36.9\n"),
        ("stable-1.35", "v1.35.20"),
        ("latest", "v1.39.0-alpha.1"),
        ("latest-1.35", "v1.35.21-rc.0"),
    ]);
    let network = FakeNetwork { answers, takes: Duration::from_millis(300) };
    let all = Allowed { experimental: true, release_candidates: true };
    let (stable, patch, unstable) = found(&network, "v1.35.1", all).await;
    assert_eq!((stable.as_str(), patch.as_deref()), ("v1.36.9", Some("v1.35.20")));
    // The alpha is too new for us.
    assert_eq!(unstable, Some(("v1.36.9".into(), "v1.35.21-rc.0".into())));
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_not_believed() {
    let answers = BTreeMap::from([("stable-1.36", "<html>"), ("stable-1.35", "v1.99.0")]);
    let network = FakeNetwork { answers, ..FakeNetwork::default() };
    let (stable, patch, _) = found(&network, "v1.35.1", Allowed::default()).await;
    assert_eq!((stable.as_str(), patch.as_deref()), ("v1.36.2", Some("v1.35.6")));
}
