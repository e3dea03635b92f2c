//! A version that came out after this program may need what the program does not know.

use async_trait::async_trait;
use kubewright_config::{VersionFacts, default_version};

use crate::checks::{Check, Finding, Name, Subject, warnings};

/// The check `KubernetesVersion`.
pub struct KubernetesVersion;

#[async_trait]
impl Check for KubernetesVersion {
    fn about(&self) -> &'static str {
        "Install a version that this program knows"
    }

    fn why(&self) -> &'static str {
        "What a newer minor needs is known from its pre-releases only, and may have changed."
    }

    fn fix(&self) -> &'static str {
        "use a newer release of this program, or choose another --kubernetes-version"
    }

    fn names(&self, facts: &VersionFacts) -> Vec<Name> {
        if known(facts) { Vec::new() } else { warnings(["KubernetesVersion"]) }
    }

    fn rank(&self) -> u16 {
        30
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        if known(subject.facts) {
            return Vec::new();
        }
        let (wanted, ours) = (&subject.facts.version, default_version());
        let message = format!(
            "Kubernetes version is greater than kubeadm version. Please consider to upgrade kubeadm. Kubernetes version: \
             {}. Kubeadm version: {}.{}.x",
            wanted.semver(),
            ours.major(),
            ours.minor()
        );
        vec![Finding::warning("KubernetesVersion", message, self.fix())]
    }
}

/// Pre-releases count to the minor that they lead to, as in kubeadm (`x.y.0-0`).
fn known(facts: &VersionFacts) -> bool {
    let (wanted, ours) = (&facts.version, default_version());
    (wanted.major(), wanted.minor()) <= (ours.major(), ours.minor())
}
