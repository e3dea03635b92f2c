//! The plan as people read it: kubeadm's tables, and after them the way over several minors, which is ours.

use kubewright_config::KubernetesVersion;
use kubewright_config::chain::Step;

use super::shown::{ShownComponent, ShownPlan, ShownUpgrade};
use crate::output::aligned;
use crate::program;

const HEADER: [&str; 4] = ["COMPONENT", "NODE", "CURRENT", "TARGET"];
const SEPARATOR: &str = "_____________________________________________________________________\n\n";

/// All of it; the versions are those that are offered, in the plan's order.
pub fn plan(shown: &ShownPlan, versions: &[KubernetesVersion], cluster: &KubernetesVersion, way: &[Step]) -> String {
    let upgrades = shown.available_upgrades.iter().zip(versions);
    let mut text: String = upgrades.map(|(upgrade, version)| offered(upgrade, version)).collect();
    text += &config_versions(shown);
    if !way.is_empty() {
        text += &path(shown, cluster, way);
    }
    text
}

fn offered(upgrade: &ShownUpgrade, version: &KubernetesVersion) -> String {
    let flag = match version.semver().pre.as_str() {
        "" => "",
        pre if pre.starts_with("rc") => " --allow-release-candidate-upgrades",
        _ => " --allow-experimental-upgrades",
    };
    let name = program::name();
    let note = upgrade.components.iter().find(|it| it.name == "kubeadm" && it.current_version != it.new_version);
    let note = note.map_or_else(String::new, |it| {
        format!("Note: Before you can perform this upgrade, you have to update {name} to {}.\n\n", it.new_version)
    });
    format!(
        "Components that must be upgraded manually after you have upgraded the control plane with '{name} upgrade apply':\n\
         {by_hand}\n\
         Upgrade to the latest {description}:\n\n\
         {by_us}\n\
         You can now apply the upgrade by executing the following command:\n\n\
         \t{name} upgrade apply {version}{flag}\n\n\
         {note}{SEPARATOR}",
        by_hand = components(upgrade, |name| name == "kubelet"),
        description = upgrade.description,
        by_us = components(upgrade, |name| name != "kubelet" && name != "kubeadm"),
    )
}

fn components(upgrade: &ShownUpgrade, wanted: impl Fn(&str) -> bool) -> String {
    let row = |it: &'_ ShownComponent| -> [String; 4] {
        [it.name.clone(), it.node_name.clone(), it.current_version.clone(), it.new_version.clone()]
    };
    let rows: Vec<_> = upgrade.components.iter().filter(|it| wanted(&it.name)).map(row).collect();
    table(HEADER, &rows)
}

fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let rows = rows.iter().map(|row| row.each_ref().map(String::as_str));
    aligned(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}

fn config_versions(shown: &ShownPlan) -> String {
    if shown.config_versions.is_empty() {
        return "No information available on component configs.\n".to_owned();
    }
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let rows = shown.config_versions.iter().map(|it| {
        let manual = if it.manual_upgrade_required { "yes" } else { "no" };
        [it.group.to_owned(), or_dash(&it.current_version), or_dash(it.preferred_version), manual.to_owned()]
    });
    let header = ["API GROUP", "CURRENT VERSION", "PREFERRED VERSION", "MANUAL UPGRADE REQUIRED"];
    format!(
        "\nThe table below shows the current state of component configs as understood by this version of {name}.\n\
         Configs that have a \"yes\" mark in the \"MANUAL UPGRADE REQUIRED\" column require manual config upgrade or\n\
         resetting to {name} defaults before a successful upgrade can be performed. The version to manually\n\
         upgrade to is denoted in the \"PREFERRED VERSION\" column.\n\n{}{SEPARATOR}",
        table(header, &rows.collect::<Vec<_>>()),
        name = program::name(),
    )
}

/// The way over several minors.
fn path(shown: &ShownPlan, cluster: &KubernetesVersion, way: &[Step]) -> String {
    let rows = shown.upgrade_path.iter().enumerate().map(|(index, step)| {
        let number = (index + 1).to_string();
        [number, step.version.clone(), step.etcd.clone(), step.core_dns.clone(), step.oldest_kubelet.clone()]
    });
    let header = ["STEP", "VERSION", "ETCD", "COREDNS", "OLDEST KUBELET"];
    let versions: Vec<String> = way.iter().map(|step| step.target.to_string()).collect();
    let last = versions.last().cloned().unwrap_or_default();
    // How far one command gets with the kubelets and control planes as they are now.
    let free = way.iter().take_while(|step| step.skew.mandatory.is_empty() && step.skew.skippable.is_empty()).count();
    let command = match free {
        0 => String::new(),
        _ => format!(
            "As the cluster is now, one command gets this far:\n\n\t{} upgrade apply --through {}\n\n",
            program::name(),
            versions[..free].join(",")
        ),
    };
    let stop = way.get(free).map_or_else(String::new, |step| {
        let reasons = step.skew.mandatory.iter().chain(&step.skew.skippable);
        let lines: String = reasons.map(|reason| format!("\t- {reason}\n")).collect();
        format!("Before step {} of them, see to this:\n\n{lines}\n", free + 1)
    });
    format!(
        "The way from {cluster} to {last} goes over each minor version. Before a step, all control planes have done the\n\
         one before it, and no kubelet is older than the last column says:\n\n{}\n{command}{stop}{SEPARATOR}",
        table(header, &rows.collect::<Vec<_>>())
    )
}

#[cfg(test)]
mod tests;
