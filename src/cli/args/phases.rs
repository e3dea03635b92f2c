//! `<command> phase …`, built from the graph: the tree of phases is the tree of commands.

use clap::{ArgMatches, Command};
use kubewright_engine::Tree;

use super::given;
use crate::exit::Exit;
use crate::program;

/// Flags of every command and of every phase, whatever it does.
const EVERYWHERE: &[&str] =
    &["config", "dry-run", "events", "fresh", "help", "jobs", "progress", "rootfs", "strict", "v", "vmodule"];

/// Other names of phases. kubeadm has the first two; the third is the phase's name in 1.20.
const ALIASES: &[(&str, &str)] = &[
    ("upload-config", "uploadconfig"),
    ("bootstrap-token", "bootstraptoken"),
    ("kubelet-finalize/enable-client-cert-rotation", "experimental-cert-rotation"),
];

/// Groups that cannot be run whole by `all`; kubeadm's `etcd` has only the one phase.
const WITHOUT_ALL: &[&str] = &["etcd"];

/// Flags of `init phase …`, by the phase or group; kubeadm: `cmd/phases/init/*.go`. A group's flags hold below it.
const FLAGS: &[(&str, &[&str])] = &[
    ("preflight", &["image-repository", "cri-socket", "ignore-preflight-errors"]),
    ("certs", &["cert-dir", "kubernetes-version"]),
    ("certs/apiserver", SERVING_FLAGS),
    ("certs/all", SERVING_FLAGS),
    (
        "kubeconfig",
        &[
            "apiserver-advertise-address",
            "control-plane-endpoint",
            "apiserver-bind-port",
            "cert-dir",
            "kubeconfig-dir",
            "kubernetes-version",
        ],
    ),
    ("kubeconfig/kubelet", &["node-name"]),
    ("kubeconfig/all", &["node-name"]),
    ("etcd", &["cert-dir", "image-repository", "patches"]),
    ("control-plane", &["cert-dir", "kubernetes-version", "image-repository", "patches"]),
    ("control-plane/apiserver", APISERVER_FLAGS),
    ("control-plane/controller-manager", &["controller-manager-extra-args", "pod-network-cidr"]),
    ("control-plane/scheduler", &["scheduler-extra-args"]),
    ("control-plane/all", APISERVER_FLAGS),
    ("control-plane/all", &["controller-manager-extra-args", "pod-network-cidr", "scheduler-extra-args"]),
    ("kubelet-start", &["image-repository", "cri-socket", "node-name", "patches"]),
    ("upload-config", &["cri-socket", "kubeconfig"]),
    (
        "upload-certs",
        &["kubeconfig", "upload-certs", "certificate-key", "certificate-key-file", "skip-certificate-key-print"],
    ),
    ("mark-control-plane", &["node-name"]),
    ("bootstrap-token", &["kubeconfig", "skip-token-print"]),
    ("kubelet-finalize", &["cert-dir"]),
    ("addon", &["kubeconfig", "kubernetes-version", "image-repository"]),
    ("addon/kube-proxy", PROXY_FLAGS),
    ("addon/kube-proxy", &["print-manifest"]),
    ("addon/coredns", DNS_FLAGS),
    ("addon/coredns", &["print-manifest"]),
    ("addon/all", PROXY_FLAGS),
    ("addon/all", DNS_FLAGS),
];

/// Flags of `join phase …`; kubeadm: `cmd/phases/join/*.go`. The endpoint is an argument, which counts as a flag here.
const JOIN_FLAGS: &[(&str, &[&str])] = &[
    ("preflight", CLUSTER_FLAGS),
    (
        "preflight",
        &[
            "control-plane",
            "node-name",
            "apiserver-advertise-address",
            "apiserver-bind-port",
            "certificate-key",
            "certificate-key-file",
            "cri-socket",
            "ignore-preflight-errors",
        ],
    ),
    ("control-plane-prepare", &["control-plane"]),
    ("control-plane-prepare/all", CLUSTER_FLAGS),
    (
        "control-plane-prepare/all",
        &[
            "node-name",
            "apiserver-advertise-address",
            "apiserver-bind-port",
            "certificate-key",
            "certificate-key-file",
            "patches",
        ],
    ),
    ("control-plane-prepare/download-certs", CLUSTER_FLAGS),
    ("control-plane-prepare/download-certs", &["certificate-key", "certificate-key-file"]),
    ("control-plane-prepare/certs", CLUSTER_FLAGS),
    ("control-plane-prepare/certs", &["node-name", "apiserver-advertise-address"]),
    ("control-plane-prepare/kubeconfig", CLUSTER_FLAGS),
    ("control-plane-prepare/kubeconfig", &["certificate-key", "certificate-key-file"]),
    ("control-plane-prepare/control-plane", &["apiserver-advertise-address", "apiserver-bind-port", "patches"]),
    ("check-etcd", &["control-plane", "node-name", "apiserver-advertise-address"]),
    ("kubelet-start", CLUSTER_FLAGS),
    ("kubelet-start", &["node-name", "cri-socket", "patches"]),
    ("etcd-join", &["control-plane", "node-name", "apiserver-advertise-address", "patches"]),
    ("kubelet-wait-bootstrap", &["cri-socket", "endpoint"]),
    ("control-plane-join", &["control-plane", "node-name"]),
    ("control-plane-join/all", &["apiserver-advertise-address", "patches"]),
    ("wait-control-plane", &["endpoint"]),
];

const CLUSTER_FLAGS: &[&str] = &[
    "endpoint",
    "discovery-file",
    "discovery-token",
    "discovery-token-ca-cert-hash",
    "discovery-token-unsafe-skip-ca-verification",
    "tls-bootstrap-token",
    "token",
    "token-file",
];

const SERVING_FLAGS: &[&str] = &[
    "apiserver-advertise-address",
    "control-plane-endpoint",
    "apiserver-cert-extra-sans",
    "service-dns-domain",
    "service-cidr",
];
const APISERVER_FLAGS: &[&str] = &[
    "apiserver-advertise-address",
    "control-plane-endpoint",
    "apiserver-bind-port",
    "apiserver-extra-args",
    "feature-gates",
    "service-cidr",
];
const PROXY_FLAGS: &[&str] =
    &["apiserver-advertise-address", "control-plane-endpoint", "apiserver-bind-port", "pod-network-cidr"];
const DNS_FLAGS: &[&str] = &["feature-gates", "service-dns-domain", "service-cidr"];

/// The phase that the command line names.
pub struct ChosenPhase<'a> {
    /// Its path, such as `certs/apiserver` or `certs/all`.
    pub path: String,
    /// Its flags.
    pub matches: &'a ArgMatches,
}

/// Whether a phase takes a flag.
fn takes(command: &str, path: &str, flag: &str) -> bool {
    let table = if command == "join" { JOIN_FLAGS } else { FLAGS };
    let covers = |holder: &str| path == holder || path.strip_prefix(holder).is_some_and(|rest| rest.starts_with('/'));
    EVERYWHERE.contains(&flag) || table.iter().any(|(holder, flags)| covers(holder) && flags.contains(&flag))
}

/// Builds `phase` with everything below it.
pub fn command(tree: &Tree, flags: fn(Command) -> Command) -> Command {
    let workflow = tree.name.as_str();
    let about = format!("Use this command to invoke single phase of the {:?} workflow", tree.name);
    let command = Command::new("phase").about(about).subcommand_required(true);
    tree.children.iter().fold(command, |command, child| command.subcommand(branch(workflow, child, flags)))
}

fn branch(workflow: &str, tree: &Tree, flags: fn(Command) -> Command) -> Command {
    let aliases = ALIASES.iter().filter(|(path, _)| *path == tree.path).map(|(_, alias)| *alias);
    let command = Command::new(tree.name.clone()).about(tree.about).aliases(aliases.collect::<Vec<_>>());
    if tree.children.is_empty() {
        return leaf(workflow, command, &tree.path, flags);
    }
    let command = command.subcommand_required(true);
    let command = match has_all(tree) {
        true => {
            let all = Command::new("all").about(format!("Run all phases of {}", tree.name));
            command.subcommand(leaf(workflow, all, &format!("{}/all", tree.path), flags))
        }
        false => command,
    };
    tree.children.iter().fold(command, |command, child| command.subcommand(branch(workflow, child, flags)))
}

fn has_all(tree: &Tree) -> bool {
    !tree.phase && !WITHOUT_ALL.contains(&tree.path.as_str())
}

fn leaf(workflow: &str, command: Command, path: &str, flags: fn(Command) -> Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    let fit = |arg: clap::Arg| {
        let known = arg.get_long().is_none_or(|flag| takes(workflow, path, flag));
        if known { arg } else { arg.hide(true) }
    };
    // The derive gives the struct's own words to the command; the phase's are wanted.
    flags(command).mut_args(fit).about(about).long_about(None)
}

/// Finds the phase that was typed, and refuses flags that it does not take.
pub fn chosen_phase<'a>(command: &str, matches: &'a ArgMatches) -> Result<Option<ChosenPhase<'a>>, Exit> {
    let Some(("phase", mut matches)) = matches.subcommand() else { return Ok(None) };
    let mut names = Vec::new();
    while let Some((name, below)) = matches.subcommand() {
        names.push(name);
        matches = below;
    }
    let path = names.join("/");
    match given::flags(matches).iter().find(|flag| !takes(command, &path, flag)) {
        Some(flag) => Err(Exit::failed(format!("unknown flag: --{flag} for the phase {path}; see --help"))),
        None => Ok(Some(ChosenPhase { path, matches })),
    }
}

/// Phases to skip as the graph knows them: in lower case, without aliases, and without `all`, which does nothing of its
/// own. Names that are wrong stay, and are told by the plan.
pub fn skipped(tree: &Tree, given: &[String]) -> Vec<String> {
    let mut skipped = Vec::new();
    for name in given.iter().map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()) {
        let group = name.strip_suffix("/all").and_then(|group| tree.children.iter().find(|child| child.path == group));
        if group.is_some_and(has_all) {
            continue;
        }
        let known = ALIASES.iter().find(|(path, alias)| match path.rsplit_once('/') {
            Some((group, _)) => name == format!("{group}/{alias}"),
            None => name == *alias,
        });
        skipped.push(known.map_or(name.clone(), |(path, _)| (*path).to_owned()));
    }
    skipped
}

/// The long help text: what the command does, as a tree.
pub fn describe(command: &str, about: &str, tree: &Tree) -> String {
    let name = program::name();
    let mut lines = Vec::new();
    collect(tree, 0, &mut lines);
    let width = lines.iter().map(|(left, _)| left.len()).max().unwrap_or_default() + 2;
    let listed: Vec<_> = lines.iter().map(|(left, about)| format!("{left:<width$}{about}")).collect();
    format!(
        "{about}\n\n\
         The \"{command}\" command executes the following phases:\n```\n{}\n```\n\
         Each can be run alone: `{name} {command} phase …`.",
        listed.join("\n")
    )
}

fn collect(tree: &Tree, depth: usize, lines: &mut Vec<(String, &'static str)>) {
    for child in &tree.children {
        let slash = if depth > 0 { "/" } else { "" };
        lines.push((format!("{}{slash}{}", "  ".repeat(depth), child.name), child.about));
        collect(child, depth + 1, lines);
    }
}

#[cfg(test)]
mod tests;
