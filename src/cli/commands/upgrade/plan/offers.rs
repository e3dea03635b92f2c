//! Which versions are offered, and what each would install. kubeadm: `phases/upgrade/compute.go`.

use kubewright_config::images;
use kubewright_config::skew::Allowed;
use kubewright_config::{KubernetesVersion, default_version};
use kubewright_phases::running::{RunningVersions, StoredConfiguration};

use super::labels::Labels;

/// A version that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What kind of version it is, in kubeadm's words.
    pub description: String,
    /// The version.
    pub version: KubernetesVersion,
}

/// A version that is offered, with all that it would install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The offer.
    pub offer: Offer,
    /// The tag of CoreDNS.
    pub dns: String,
    /// The tag of etcd; `None` where it is external, or its upgrade is not wanted.
    pub etcd: Option<String>,
    /// The version of this program that can do it.
    pub kubeadm: String,
}

impl Target {
    /// What an offer would install.
    pub fn of(offer: Offer, stored: &StoredConfiguration, running: &RunningVersions, etcd_upgrade: bool) -> Self {
        let at = stored.at(&offer.version).ok();
        let dns = at.as_ref().map_or_else(String::new, |(cluster, facts)| {
            cluster.dns.image.tag.clone().unwrap_or_else(|| facts.images.coredns.clone())
        });
        let etcd = at.as_ref().map_or("N/A".to_owned(), |(cluster, facts)| images::etcd_tag(cluster, facts).to_owned());
        let local = etcd_upgrade && !running.etcd.is_empty();
        // One program for all minors that it knows.
        let own = if at.is_some() { default_version() } else { offer.version.clone() };
        Self { offer, dns, etcd: local.then_some(etcd), kubeadm: own.to_string() }
    }
}

/// The versions that are offered, and what is said while they are found.
pub fn offers(cluster: &KubernetesVersion, labels: &Labels, allowed: Allowed) -> (Vec<Offer>, String) {
    let (stable, patch, unstable) = match labels {
        Labels::Given(version) => {
            let any = allowed.experimental || allowed.release_candidates;
            (version, Some(version), any.then_some((version, version)))
        }
        Labels::Found { stable, patch, unstable } => {
            (stable, patch.as_ref(), unstable.as_ref().map(|(latest, previous)| (latest, previous)))
        }
    };
    let mut offers = Vec::new();
    let mut told = format!("[upgrade/versions] Target version: {stable}\n");
    let mut offer = |description: &str, version: &KubernetesVersion| {
        offers.push(Offer { description: description.to_owned(), version: version.clone() });
    };
    let mut next_minor = newer(stable, cluster);
    if let Some(patch) = patch.filter(|_| !newer(cluster, stable)) {
        let description = format!("version in the v{}.{} series", cluster.major(), cluster.minor());
        told += &format!("[upgrade/versions] Latest {description}: {patch}\n");
        next_minor = newer(stable, patch);
        if newer(patch, cluster) {
            offer(&description, patch);
        }
    }
    if next_minor {
        offer("stable version", stable);
    }
    if let Some((latest, previous)) = unstable {
        told += &format!("[upgrade/versions] Latest experimental version: {latest}\n");
        told += &format!("[upgrade/versions] Latest previous version: {previous}\n");
        let pre = |version: &KubernetesVersion| version.semver().pre.as_str().to_owned();
        if allowed.release_candidates && pre(previous).starts_with("rc") && newer(previous, cluster) {
            offer("release candidate version", previous);
        }
        if allowed.experimental && newer(latest, cluster) {
            // The first alpha is cut together with the betas of the minor before it, which say more.
            offer("experimental version", if pre(latest) == "alpha.0" { previous } else { latest });
        }
    }
    told.push('\n');
    (offers, told)
}

/// Whether one version comes after another. What it was built from does not count.
fn newer(version: &KubernetesVersion, than: &KubernetesVersion) -> bool {
    version.semver().cmp_precedence(than.semver()).is_gt()
}

#[cfg(test)]
mod tests;
