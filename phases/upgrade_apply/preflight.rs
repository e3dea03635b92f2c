//! Looks whether the cluster can be upgraded to the version, and pulls all images, before anything is changed.

use kubewright_config::skew::{Allowed, judge, unknown};
use kubewright_config::{KubeletDoc, KubernetesVersion, UpgradeConfiguration, stored_cluster};

use crate::asking::Asking;
use crate::checks::Powers;
use crate::init::preflight::judge as judge_findings;
use crate::prelude::*;
use crate::running::{RunningVersions, dns, read_versions, shown_configuration};
use crate::upgrading::{UpgradeOptions, UpgradedCluster, looking};

/// The phase `preflight`.
pub struct Preflight;

impl Phase<Node> for Preflight {
    const ABOUT: &'static str = "Run preflight checks before upgrade";
    const RANK: u16 = 100;

    type Input = (Read<UpgradeConfiguration>, Read<UpgradeOptions>, Powers, Use<Kube>);
    type Output = UpgradedCluster;

    async fn run(
        &self,
        (settings, options, powers, kube): Self::Input,
        report: &Report,
    ) -> Result<UpgradedCluster, Failure> {
        // What is never possible needs no cluster to be refused.
        if let Some(refusal) = options.target.as_ref().and_then(unknown).and_then(|skew| skew.refusal(true)) {
            return Err(Failure::new(refusal).kind(FailureKind::Preflight));
        }
        let (found, resumed) = looking::find(&settings, &options, &powers.0, &kube, report).await?;
        if settings.apply.print_config {
            let (stored, facts) = stored_cluster(found.before.cluster_configuration.as_bytes())?;
            report.output(shown_configuration(&stored, &facts));
        }
        report.note("upgrade/preflight", "Running preflight checks");
        let kubelet: &KubeletDoc = &found.kubelet;
        looking::check_node(&found, kubelet, &options.as_init(), &powers, report).await?;
        if !resumed {
            looking::check_cluster(&found, &powers.0, &kube, &powers.4, report).await?;
            let running = read_versions(&found.admin.0, Asking::Aloud(&kube, report)).await?;
            let target = &found.cluster.kubernetes_version;
            let findings = dns::look(Asking::Aloud(&kube, report), &found.admin.0, &running.dns, target).await?;
            judge_findings(findings, &found.init.node_registration.ignore_preflight_errors, report)?;
            policy(&running, target, &settings, report)?;
        }
        looking::pull(&found, &powers.3, report).await?;
        Ok(found)
    }
}

/// Holds the upgrade against the policy of versions.
fn policy(
    running: &RunningVersions,
    target: &KubernetesVersion,
    settings: &UpgradeConfiguration,
    report: &Report,
) -> Result<(), Failure> {
    let apply = &settings.apply;
    report.note("upgrade/preflight", format!("You have chosen to upgrade the cluster version to \"{target}\""));
    report.note("upgrade/versions", format!("Cluster version: {}", running.server_text));
    let allowed =
        Allowed { experimental: apply.allow_experimental_upgrades, release_candidates: apply.allow_rc_upgrades };
    let skew = judge(&running.standing(), target, allowed);
    for warning in &skew.warnings {
        report.warn(warning.clone());
    }
    if let Some(refusal) = skew.refusal(apply.force_upgrade) {
        return Err(Failure::new(refusal).kind(FailureKind::Preflight));
    }
    if let Some(text) = skew.forced() {
        report.note("upgrade/preflight", text);
    }
    Ok(())
}
