//! The graph of `init` is sound, and nothing under `phases/` was forgotten.

use std::collections::BTreeSet;
use std::path::Path;

use kubewright_config::known_minors;
use kubewright_engine::{Done, Selection, Step, Why, Workflow};
use kubewright_node::Node;

use crate::laws::case::{Case, seeds};

/// The workflow as the command line builds it.
pub fn init() -> Workflow<Node> {
    Workflow::new("init", kubewright_phases::INIT)
        .unwrap_or_else(|error| panic!("the phases of `init` make no graph: {error}"))
        .with_groups(kubewright_phases::INIT_GROUPS)
}

/// The same of `join`.
pub fn join() -> Workflow<Node> {
    Workflow::new("join", kubewright_phases::JOIN)
        .unwrap_or_else(|error| panic!("the phases of `join` make no graph: {error}"))
        .with_groups(kubewright_phases::JOIN_GROUPS)
}

/// The same of `reset`.
pub fn reset() -> Workflow<Node> {
    Workflow::new("reset", kubewright_phases::RESET)
        .unwrap_or_else(|error| panic!("the phases of `reset` make no graph: {error}"))
        .with_groups(kubewright_phases::RESET_GROUPS)
}

#[test]
fn the_phases_of_reset_are_kubeadms_in_its_order() {
    let workflow = reset();
    let phases: Vec<_> = workflow.phases().map(|phase| phase.path).collect();
    assert_eq!(phases, ["preflight", "update-cluster-status", "remove-etcd-member", "cleanup-node"]);
}

/// The same of `certs renew`.
pub fn renew() -> Workflow<Node> {
    Workflow::new("renew", kubewright_phases::RENEW)
        .unwrap_or_else(|error| panic!("the phases of `certs renew` make no graph: {error}"))
        .with_groups(kubewright_phases::RENEW_GROUPS)
}

/// The same of `etcd restore`.
pub fn etcd_restore() -> Workflow<Node> {
    Workflow::new("etcd restore", kubewright_phases::ETCD_RESTORE)
        .unwrap_or_else(|error| panic!("the phases of `etcd restore` make no graph: {error}"))
        .with_groups(kubewright_phases::ETCD_RESTORE_GROUPS)
}

/// The same of `upgrade rollback`.
pub fn upgrade_rollback() -> Workflow<Node> {
    Workflow::new("upgrade rollback", kubewright_phases::UPGRADE_ROLLBACK)
        .unwrap_or_else(|error| panic!("the phases of `upgrade rollback` make no graph: {error}"))
        .with_groups(kubewright_phases::UPGRADE_ROLLBACK_GROUPS)
}

/// The same of `upgrade apply`.
pub fn upgrade_apply() -> Workflow<Node> {
    Workflow::new("upgrade apply", kubewright_phases::UPGRADE_APPLY)
        .unwrap_or_else(|error| panic!("the phases of `upgrade apply` make no graph: {error}"))
        .with_groups(kubewright_phases::UPGRADE_APPLY_GROUPS)
}

/// The same of `upgrade node`.
pub fn upgrade_node() -> Workflow<Node> {
    Workflow::new("upgrade node", kubewright_phases::UPGRADE_NODE)
        .unwrap_or_else(|error| panic!("the phases of `upgrade node` make no graph: {error}"))
        .with_groups(kubewright_phases::UPGRADE_NODE_GROUPS)
}

#[test]
fn graph_is_sound() {
    let workflow = init();
    for minor in known_minors() {
        let case = Case { version: format!("v1.{minor}.0"), ..Case::newest() };
        let plan = workflow
            .plan(seeds(&case), &Selection::default(), &Done::none())
            .unwrap_or_else(|error| panic!("`init` of {} cannot be planned: {error}", case.version));
        // Whatever does not run has a reason in the version or the flags, not in the plan.
        let idle = plan.steps().filter(|(_, step)| !matches!(step.why(), None | Some(Why::DoesNotApply(_))));
        let idle: Vec<_> = idle.collect();
        assert!(idle.is_empty(), "some phases of {} would not run: {idle:?}", case.version);
    }
}

#[test]
fn the_graphs_of_join_and_of_renewing_are_sound() {
    for (workflow, folder) in [(join(), "join"), (renew(), "renew")] {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("phases").join(folder);
        let files: BTreeSet<String> = rust_files(&here)
            .into_iter()
            .map(|path| path.strip_suffix(".rs").unwrap().replace('_', "-"))
            .filter(|path| !path.ends_with("/tests"))
            .collect();
        let registered: BTreeSet<String> = workflow.phases().map(|phase| phase.path.to_owned()).collect();
        assert_eq!(files, registered);
    }
}

#[test]
fn the_graphs_of_upgrade_and_of_restoring_are_sound() {
    for (name, entries) in [
        ("upgrade apply", kubewright_phases::UPGRADE_APPLY),
        ("upgrade node", kubewright_phases::UPGRADE_NODE),
        ("upgrade rollback", kubewright_phases::UPGRADE_ROLLBACK),
        ("etcd restore", kubewright_phases::ETCD_RESTORE),
    ] {
        let workflow = Workflow::new(name, entries).unwrap_or_else(|error| panic!("{name}: {error}"));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("phases").join(name.replace(' ', "_"));
        let files: BTreeSet<String> = rust_files(&folder)
            .into_iter()
            .map(|path| path.strip_suffix(".rs").unwrap().replace('_', "-"))
            .filter(|path| !path.ends_with("/tests"))
            .collect();
        let registered: BTreeSet<String> = workflow.phases().map(|phase| phase.path.to_owned()).collect();
        assert_eq!(files, registered, "{name}");
    }
}

#[test]
fn each_phase_can_be_planned_alone() {
    let workflow = init();
    let case = Case { upload_certs: true, ..Case::newest() };
    for phase in workflow.phases() {
        let only = Selection { only: vec![phase.path.into()], skip: Vec::new() };
        let plan = workflow.plan(seeds(&case), &only, &Done::none());
        let plan = plan.unwrap_or_else(|error| panic!("`{}` cannot be planned alone: {error}", phase.path));
        let runs: Vec<_> = plan.steps().filter(|(_, step)| **step == Step::Run).map(|(path, _)| path).collect();
        assert_eq!(runs, [phase.path]);
    }
}

#[test]
fn every_phase_file_is_registered() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("phases/init");
    let files: BTreeSet<String> = rust_files(&here)
        .into_iter()
        .map(|path| path.strip_suffix(".rs").unwrap().replace('_', "-"))
        .filter(|path| !path.ends_with("/tests"))
        .collect();
    let registered: BTreeSet<String> = init().phases().map(|phase| phase.path.to_owned()).collect();
    assert_eq!(files, registered);
}

#[test]
fn every_preflight_check_is_registered() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("phases/preflight");
    let files = rust_files(&here).into_iter().filter(|path| !path.contains('/')).count();
    assert_eq!(files, kubewright_phases::CHECKS.len());
    let abouts: BTreeSet<_> = kubewright_phases::CHECKS.iter().map(|check| check.about()).collect();
    assert_eq!(abouts.len(), kubewright_phases::CHECKS.len(), "two checks are about the same");
}

/// Every phase has a help line in the imperative and a rank of its own among its kind.
#[test]
fn every_phase_and_group_says_what_it_does() {
    fn look(tree: &kubewright_engine::Tree) {
        assert!(!tree.about.is_empty(), "`{}` has no help line", tree.path);
        assert!(!tree.about.ends_with('.'), "the help line of `{}` ends with a full stop", tree.path);
        tree.children.iter().for_each(look);
    }
    look(&init().tree());
}

/// The Rust files below a directory, relative to it.
pub fn rust_files(directory: &Path) -> Vec<String> {
    fn walk(base: &Path, directory: &Path, found: &mut Vec<String>) {
        for entry in directory.read_dir().unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                walk(base, &path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(base).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(directory, directory, &mut found);
    found.sort();
    found
}
