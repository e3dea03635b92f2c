//! Which flags the command line named, and kubeadm's rule which of them may stand beside `--config`.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::exit::Exit;

/// Flags that may stand beside `--config`, and all that begin with `skip-`. kubeadm: `ValidateMixedArguments`.
const BESIDE_CONFIG: &[&str] = &[
    "allow-missing-template-keys",
    "config",
    "dry-run",
    "ignore-preflight-errors",
    "kubeconfig",
    "kubeconfig-dir",
    "log-file",
    "node-name",
    "output",
    "print-join-command",
    "print-manifest",
    "rootfs",
    "show-managed-fields",
    "upload-certs",
    "v",
    "yes",
];

/// Ours, which say nothing about the cluster; `vmodule`, which kubeadm forgot; and arguments, which are no flags.
const OURS: &[&str] = &[
    "endpoint",
    "events",
    "fresh",
    "jobs",
    "network",
    "progress",
    "restore-etcd",
    "snapshot",
    "strict",
    "target",
    "through",
    "version",
    "vmodule",
];

/// The long names of all flags that were typed, sorted.
pub fn flags(matches: &ArgMatches) -> Vec<String> {
    let typed = matches.ids().filter(|id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine));
    // Groups that the derive makes have ids too, in upper case.
    let flags = typed.map(clap::Id::as_str).filter(|id| !id.chars().any(|c| c.is_ascii_uppercase()));
    let mut names: Vec<String> = flags.map(long).collect();
    names.sort_unstable();
    names
}

/// The long name of a flag.
pub fn long(id: &str) -> String {
    match id {
        "verbosity" => "v".into(),
        _ => id.replace('_', "-"),
    }
}

/// Refuses flags that cannot stand beside `--config`, if that was given.
pub fn refuse_mixed(matches: &ArgMatches) -> Result<(), Exit> {
    let flags = flags(matches);
    if !flags.iter().any(|flag| flag == "config") {
        return Ok(());
    }
    let allowed = |flag: &str| BESIDE_CONFIG.contains(&flag) || OURS.contains(&flag) || flag.starts_with("skip-");
    let mixed: Vec<&str> = flags.iter().map(String::as_str).filter(|flag| !allowed(flag)).collect();
    if mixed.is_empty() {
        return Ok(());
    }
    let message = format!("can not mix '--config' with arguments [{}]", mixed.join(" "));
    Err(kubewright_engine::Failure::new(message).hint("set it in the file instead").into())
}
