//! Writes `docs/reference/` from the code, and fails when what stands there is stale.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kubewright_config::{facts_for, known_minors};
use kubewright_engine::Tree;

use crate::cli::program::Home;
use crate::graph;

const REFRESH: &str = "UPDATE_DOCS=1 cargo test --test all docs::";

#[track_caller]
fn must_be(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    if found != text {
        let line = found.lines().zip(text.lines()).position(|(found, wanted)| found != wanted);
        let line = line.unwrap_or_else(|| found.lines().count().min(text.lines().count())) + 1;
        panic!("docs/reference/{name} is stale from line {line} on; refresh it: {REFRESH}");
    }
}

fn head(title: &str) -> String {
    format!("# {title}\n\nWritten by `{REFRESH}`; do not edit.\n\n")
}

#[test]
fn init_phases() {
    let mut text = head("The phases of `init`");
    text += "In their order. *Reads* are values of other phases, the configuration and the flags; a phase that reads a value\n\
             waits for the phase that makes it. *Uses* is all that it may touch. *After* is waiting without a value.\n\
             Phases that do not wait for each other run at the same time.\n\n\
             | Phase | What it does | Reads | Makes | Uses | After |\n|---|---|---|---|---|---|\n";
    for phase in graph::init().phases() {
        let reads: Vec<_> = phase.needs.reads.iter().map(|id| format!("`{}`", id.name)).collect();
        let maybe = phase.needs.maybe.iter().map(|id| format!("`{}`?", id.name));
        let reads: Vec<_> = reads.into_iter().chain(maybe).collect();
        let makes = phase.phase.makes();
        let makes = if makes.is_nothing() { String::new() } else { format!("`{}`", makes.name) };
        let after: Vec<_> = phase.phase.after().iter().map(|after| format!("`{after}`")).collect();
        writeln!(
            text,
            "| `{}` | {} | {} | {makes} | {} | {} |",
            phase.path,
            phase.phase.about(),
            reads.join(", "),
            phase.needs.uses.join(", "),
            after.join(", "),
        )
        .unwrap();
    }
    must_be("init-phases.md", &text);
}

#[test]
fn preflight_checks() {
    let mut checks: Vec<_> = kubewright_phases::CHECKS.to_vec();
    checks.sort_by_key(|check| check.rank());
    let mut text = head("Preflight checks of `init`");
    text += "In the order in which they are told. A check's name stands in brackets in its message, and is what\n\
             `--ignore-preflight-errors` takes.\n\n";
    for check in checks {
        writeln!(text, "- {}", check.about()).unwrap();
    }
    must_be("preflight.md", &text);
}

#[test]
fn command_line() {
    let home = Home::new();
    let mut text = head("The command line");
    let mut section = |arguments: &[&str]| {
        let said = home.run(&[arguments, &["--help"]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        // The help text has fences of its own.
        writeln!(
            text,
            "## `{}`\n\n````\n{}\n````\n",
            [&["kubewright"], arguments].concat().join(" "),
            said.out.trim_end()
        )
        .unwrap();
    };
    section(&[]);
    section(&["version"]);
    section(&["init"]);
    section(&["init", "phase"]);
    let tree = graph::init().tree();
    for path in commands(&tree) {
        let words: Vec<&str> = ["init", "phase"].into_iter().chain(path.split('/')).collect();
        section(&words);
    }
    must_be("cli.md", &text);
}

/// Every phase, and `all` of every group.
fn commands(tree: &Tree) -> Vec<String> {
    let below = |child: &Tree| match child.phase {
        true => vec![child.path.clone()],
        // kubeadm's `etcd` cannot be run whole.
        false if child.path == "etcd" => commands(child),
        false => [vec![format!("{}/all", child.path)], commands(child)].concat(),
    };
    tree.children.iter().flat_map(below).collect()
}

#[test]
fn versions() {
    let mut text = head("What is installed for each Kubernetes minor");
    text += "| Kubernetes | etcd | CoreDNS | pause | Registry | Stored configuration |\n|---|---|---|---|---|---|\n";
    for minor in known_minors() {
        let facts = facts_for(&format!("v1.{minor}.0").parse().unwrap()).unwrap();
        let (images, stored) = (&facts.minor.images, facts.minor.api.write);
        writeln!(
            text,
            "| 1.{minor}.{} | {} | {} | {} | {} | {stored:?} |",
            facts.minor.newest_patch, images.etcd, images.coredns, images.pause, images.repository
        )
        .unwrap();
    }
    must_be("versions.md", &text);
}
