//! Writes `docs/reference/` from the code, and fails when what stands there is stale.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kubewright_config::facts::Severity;
use kubewright_config::{facts_for, known_minors};
use kubewright_phases::checks::Check;

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
    let checks = kubewright_phases::checks::ranked();
    let mut text = head("Preflight checks of `init`");
    text += "In the order in which they are told. A check's name stands in brackets in its message, and is what\n\
             `--ignore-preflight-errors` takes, in any case; `all` ignores every error. An ignored error is a warning. Names\n\
             that end in a path, a port or a program are shown with the defaults. Without root nothing else is looked at;\n\
             all other checks run at once, and no look at the network or at another program takes longer than 2 seconds (the\n\
             kubelet has 5 for its version).\n\n";
    for check in checks {
        let ours = if check.ours() { " (kubeadm has no such check)" } else { "" };
        writeln!(text, "## {}{ours}\n", check.about()).unwrap();
        for (names, severities) in names_by_severity(check) {
            writeln!(text, "- {}: {severities}", names.join(", ")).unwrap();
        }
        writeln!(text, "\n{}\n\nFix: {}\n", check.why(), check.fix()).unwrap();
    }
    text += kubewright_phases::init::preflight::PULLING;
    must_be("preflight.md", &text);
}

/// The names of a check that are looked at in the same versions with the same severity, and these versions in words.
fn names_by_severity(check: &dyn Check) -> Vec<(Vec<String>, String)> {
    let mut order = Vec::new();
    let mut severities: BTreeMap<String, BTreeMap<u64, Severity>> = BTreeMap::new();
    for minor in known_minors() {
        for (name, severity) in check.names(&facts_for(&format!("v1.{minor}.0").parse().unwrap()).unwrap()) {
            let name = format!("`{name}`");
            if !severities.contains_key(&name) {
                order.push(name.clone());
            }
            severities.entry(name).or_default().insert(minor, severity);
        }
    }
    let mut groups: Vec<(Vec<String>, String)> = Vec::new();
    for name in order {
        let words = in_words(&severities[&name]);
        match groups.iter_mut().find(|(_, known)| *known == words) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], words)),
        }
    }
    groups
}

fn in_words(by_minor: &BTreeMap<u64, Severity>) -> String {
    let (first, last) = (known_minors().min().unwrap(), known_minors().max().unwrap());
    let mut spans: Vec<(Severity, u64, u64)> = Vec::new();
    for (&minor, &severity) in by_minor.iter().filter(|(_, severity)| **severity != Severity::None) {
        match spans.last_mut() {
            Some((known, _, to)) if *known == severity && *to + 1 == minor => *to = minor,
            _ => spans.push((severity, minor, minor)),
        }
    }
    let span = |(severity, from, to): &(Severity, u64, u64)| {
        let severity = if *severity == Severity::Error { "error" } else { "warning" };
        match (*from == first, *to == last) {
            (true, true) => severity.to_owned(),
            (true, false) => format!("{severity} up to 1.{to}"),
            (false, true) => format!("{severity} from 1.{from} on"),
            (false, false) => format!("{severity} from 1.{from} to 1.{to}"),
        }
    };
    spans.iter().map(span).collect::<Vec<_>>().join(", ")
}

/// What the documents tell users to ignore or to expect, the program knows.
#[test]
fn names_of_checks_in_the_documents_are_those_of_the_program() {
    let facts = ["v1.20.2", "v1.36.2"].map(|version| facts_for(&version.parse().unwrap()).unwrap());
    let checks = kubewright_phases::CHECKS;
    let mut known: BTreeSet<String> = facts
        .iter()
        .flat_map(|facts| checks.iter().flat_map(|check| check.names(facts)))
        .map(|(name, _)| name)
        .collect();
    known.extend(["ImagePull", "SandboxImage", "KubernetesVersion", "all"].map(str::to_owned));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = fs::read_dir(root.join("docs")).unwrap().chain(fs::read_dir(root.join("docs/reference")).unwrap());
    let pages = pages.map(|page| page.unwrap().path()).chain([root.join("README.md")]);
    let mut named = 0;
    for page in pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(&page).unwrap();
        for mark in ["[ERROR ", "[WARNING ", "--ignore-preflight-errors="] {
            for rest in text.split(mark).skip(1) {
                let end =
                    rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.,/".contains(c))).unwrap_or(rest.len());
                for name in rest[..end].trim_end_matches('.').split(',').filter(|name| !name.is_empty()) {
                    named += 1;
                    assert!(known.contains(name), "{}: there is no check `{name}`", page.display());
                }
            }
        }
    }
    assert!(named >= 3, "the documents name {named} checks");
}

#[test]
fn command_line() {
    let home = Home::new();
    let mut text = head("The command line");
    text += "Options of every command are shown with the first.\n\n";
    describe(&home, &[], &mut text);
    must_be("cli.md", &text);
}

/// What a command says of itself, and then all below it.
fn describe(home: &Home, words: &[String], text: &mut String) {
    let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
    let said = home.run(&arguments);
    assert_eq!(said.code, Some(0), "{said:?}");
    let own = match words.is_empty() {
        true => &said.out[..],
        false => said.out.split("\nGlobal Options:").next().unwrap_or_default(),
    };
    let name = ["kubewright".to_owned()].iter().chain(words).cloned().collect::<Vec<_>>().join(" ");
    // The help text has fences of its own.
    writeln!(text, "## `{name}`\n\n````\n{}\n````\n", own.trim_end()).unwrap();
    for below in commands(&said.out) {
        describe(home, &[words, &[below]].concat(), text);
    }
}

/// The names in a help text's list of commands. Lines that go on with a description are indented further.
fn commands(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
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
