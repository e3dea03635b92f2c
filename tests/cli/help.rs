//! Help and version.

use kubewright_engine::Tree;

use super::program::Home;
use crate::graph;

#[test]
fn the_help_of_init_shows_the_tree_of_phases() {
    fn expect(tree: &Tree, depth: usize, text: &str, last: &mut usize) {
        for child in &tree.children {
            let slash = if depth > 0 { "/" } else { "" };
            let left = format!("{}{slash}{} ", "  ".repeat(depth), child.name);
            // Two groups may have phases of one name.
            let line = text.lines().skip(*last + 1).position(|line| line.starts_with(&left));
            let line = line.unwrap_or_else(|| panic!("`{left}` is not in its place in the help:\n{text}"));
            let line = line + *last + 1;
            assert!(text.lines().nth(line).unwrap().ends_with(child.about), "`{left}` lacks its help line");
            *last = line;
            expect(child, depth + 1, text, last);
        }
    }
    let said = Home::new().run_with(&["init", "--help"], &[("COLUMNS", "400")]);
    assert_eq!(said.code, Some(0));
    let tree = said.out.split("```").nth(1).expect("the tree stands between fences");
    expect(&graph::init().tree(), 0, tree, &mut 0);
}

#[test]
fn every_phase_is_a_command_with_help() {
    let home = Home::new();
    let workflow = graph::init();
    for phase in workflow.phases() {
        let mut arguments = vec!["init", "phase"];
        arguments.extend(phase.path.split('/'));
        arguments.push("--help");
        let said = home.run_with(&arguments, &[("COLUMNS", "400")]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.starts_with(phase.phase.about()), "{}: {}", phase.path, said.out);
    }
    for group in workflow.tree().children.iter().filter(|child| !child.phase) {
        let said = home.run(&["init", "phase", &group.name, "--help"]);
        // kubeadm's `etcd` has only the one phase.
        assert_eq!(said.out.contains("\n  all "), group.name != "etcd", "{}: {}", group.name, said.out);
    }
}

#[test]
fn the_version_is_told_in_every_form() {
    let home = Home::new();
    let ours = concat!("v", env!("CARGO_PKG_VERSION"));
    let default = kubewright_config::default_version().to_string();
    let plain = home.run(&["version"]);
    assert!(plain.out.contains(ours) && plain.out.contains(&default), "{plain:?}");
    assert_eq!(home.run(&["version", "-o", "short"]).out, format!("{ours}\n"));
    let json: serde_json::Value = serde_json::from_str(&home.run(&["version", "-o", "json"]).out).unwrap();
    assert_eq!(json["clientVersion"]["gitVersion"], ours);
    let yaml = home.run(&["version", "-o", "yaml"]).out;
    assert!(yaml.contains(&format!("gitVersion: {ours}")), "{yaml}");
    let wrong = home.run(&["version", "-o", "xml"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.starts_with("error: invalid output format: xml\n"), "{wrong:?}");
}

/// A pipe gets kubeadm's lines, and JSON where it is asked for; data is apart from talk.
#[test]
fn a_dry_run_of_one_phase_tells_what_it_would_write() {
    let home = Home::new();
    let pki = home.path().join("pki");
    let before = home.tree();
    let arguments = ["init", "phase", "certs", "ca", "--dry-run", "--cert-dir", pki.as_str()];
    let plain = home.run(&arguments);
    assert_eq!((plain.code, plain.err.as_str()), (Some(0), ""), "{plain:?}");
    assert!(plain.out.contains("[certs] Generating \"ca\" certificate and key"), "{plain:?}");
    assert!(plain.out.contains(&format!("[dryrun] Would write {pki}/ca.crt")), "{plain:?}");
    assert!(!plain.out.contains("PRIVATE KEY"), "{plain:?}");
    assert_eq!(home.tree(), before);

    let json = home.run(&[&arguments[..], &["--progress", "json"]].concat());
    let events = json.out.lines().filter(|line| line.starts_with('{'));
    let types: Vec<String> = events
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types.first().map(String::as_str), Some("run-started"), "{json:?}");
    assert_eq!(types.last().map(String::as_str), Some("run-finished"), "{json:?}");
}
