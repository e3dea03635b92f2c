//! What the labels of releases mean: asked from the network, for no longer than two seconds in all, and else answered by
//! the table of versions. kubeadm asks for up to ten seconds a label.

use std::time::Duration;

use kubewright_config::skew::Allowed;
use kubewright_config::{KubernetesVersion, default_version, newest_release};
use kubewright_node::DiscoveryBackend;
use tokio::time::{Instant, timeout_at};

use crate::render::warn;

/// How long all questions together may take.
const LIMIT: Duration = Duration::from_secs(2);
const RELEASES: &str = "https://dl.k8s.io/release";

/// What the labels mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// The user named a version, which stands for every label.
    Given(KubernetesVersion),
    /// What was found.
    Found {
        /// The newest release that the cluster can be upgraded to: of the next minor, as far as we know that one.
        stable: KubernetesVersion,
        /// The newest release of the cluster's own minor.
        patch: Option<KubernetesVersion>,
        /// The newest version of any kind, and the newest of the minor before it; only where these are allowed.
        unstable: Option<(KubernetesVersion, KubernetesVersion)>,
    },
}

/// The minor whose kubeadm we are for this cluster: the next one, if its facts are known well, else the cluster's own.
fn own_minor(cluster: &KubernetesVersion) -> u64 {
    (cluster.minor() + 1).min(default_version().minor()).max(cluster.minor())
}

/// The version that is most likely offered, before anybody was asked.
pub fn expected(cluster: &KubernetesVersion) -> KubernetesVersion {
    newest_release(own_minor(cluster)).unwrap_or_else(default_version)
}

/// Finds out. What the network does not answer in time is taken from the table, and that is told once.
pub async fn look_up(network: &dyn DiscoveryBackend, cluster: &KubernetesVersion, allowed: Allowed) -> Labels {
    let deadline = Instant::now() + LIMIT;
    let minor = own_minor(cluster);
    let any = allowed.experimental || allowed.release_candidates;
    let (stable_label, patch_label) = (format!("stable-1.{minor}"), format!("stable-1.{}", cluster.minor()));
    let latest = async { if any { Some(ask(network, "latest", deadline).await) } else { None } };
    let (stable, patch, latest) =
        tokio::join!(ask(network, &stable_label, deadline), ask(network, &patch_label, deadline), latest);
    if let Err(why) = &stable {
        warn(&format!(
            "could not fetch a Kubernetes version from the internet within {} s: {why}; going on with the newest releases \
             that this version of kubewright knows",
            LIMIT.as_secs()
        ));
    }
    let stable = known(stable, minor).unwrap_or_else(default_version);
    let patch = known(patch, cluster.minor());
    let unstable = match latest {
        None => None,
        Some(latest) => {
            // As in kubeadm, what is newer than we are is as good as the newest release that we can install.
            let latest = latest.ok().filter(|latest| latest.minor() <= minor).unwrap_or_else(|| stable.clone());
            let before = latest.minor().saturating_sub(1);
            let previous = ask(network, &format!("latest-1.{before}"), deadline).await;
            Some((latest.clone(), known(previous, before).unwrap_or(latest)))
        }
    };
    Labels::Found { stable, patch, unstable }
}

/// What was answered, or else what the table knows. Whoever answers for another minor than was asked for is not believed.
fn known(answer: Result<KubernetesVersion, String>, minor: u64) -> Option<KubernetesVersion> {
    match answer {
        Ok(version) if version.minor() == minor => Some(version),
        _ => newest_release(minor),
    }
}

async fn ask(network: &dyn DiscoveryBackend, label: &str, deadline: Instant) -> Result<KubernetesVersion, String> {
    let url = format!("{RELEASES}/{label}.txt");
    let answer = match timeout_at(deadline, network.document(&url)).await {
        Ok(answer) => answer.map_err(|error| error.to_string())?,
        Err(_) => return Err(format!("{url} was not answered in time")),
    };
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.trim().parse().map_err(|_| format!("{url} does not hold a version"))
}

#[cfg(test)]
mod tests;
