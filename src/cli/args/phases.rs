//! `<command> phase …`, built from the graph: the tree of phases is the tree of commands.

mod init;
mod join;
mod reset;
mod upgrading;

use clap::{ArgMatches, Command};
use kubewright_engine::Tree;

use super::given;
use crate::exit::Exit;
use crate::program;

/// Flags of every command and of every phase, whatever it does.
const EVERYWHERE: &[&str] =
    &["config", "dry-run", "events", "fresh", "help", "jobs", "progress", "rootfs", "strict", "v", "vmodule"];

/// What the phases of one workflow take and are called. Each workflow's stands in a file of its own.
struct PhaseFlags {
    /// The flags by the phase or group, besides those of [`EVERYWHERE`]. A group's flags hold below it.
    flags: &'static [(&'static str, &'static [&'static str])],
    /// Other names of phases: the phase's path and its other last name.
    aliases: &'static [(&'static str, &'static str)],
    /// Groups that cannot be run whole by `all`.
    without_all: &'static [&'static str],
}

impl PhaseFlags {
    fn of(workflow: &str) -> &'static Self {
        match workflow {
            "init" => &init::INIT,
            "join" => &join::JOIN,
            "reset" => &reset::RESET,
            "upgrade apply" => &upgrading::APPLY,
            "upgrade node" => &upgrading::NODE,
            _ => &NONE,
        }
    }

    /// Whether a phase takes a flag.
    fn takes(&self, path: &str, flag: &str) -> bool {
        let covers =
            |holder: &str| path == holder || path.strip_prefix(holder).is_some_and(|rest| rest.starts_with('/'));
        EVERYWHERE.contains(&flag) || self.flags.iter().any(|(holder, flags)| covers(holder) && flags.contains(&flag))
    }

    fn has_all(&self, tree: &Tree) -> bool {
        !tree.phase && !self.without_all.contains(&tree.path.as_str())
    }
}

const NONE: PhaseFlags = PhaseFlags { flags: &[], aliases: &[], without_all: &[] };

/// The phase that the command line names.
pub struct ChosenPhase<'a> {
    /// Its path, such as `certs/apiserver` or `certs/all`.
    pub path: String,
    /// Its flags.
    pub matches: &'a ArgMatches,
}

/// Builds `phase` with everything below it.
pub fn command(tree: &Tree, flags: fn(Command) -> Command) -> Command {
    let workflow = tree.name.as_str();
    let about = format!("Use this command to invoke single phase of the {:?} workflow", tree.name);
    let command = Command::new("phase").about(about).subcommand_required(true);
    tree.children.iter().fold(command, |command, child| command.subcommand(branch(workflow, child, flags)))
}

fn branch(workflow: &str, tree: &Tree, flags: fn(Command) -> Command) -> Command {
    let own = PhaseFlags::of(workflow);
    let aliases = own.aliases.iter().filter(|(path, _)| *path == tree.path).map(|(_, alias)| *alias);
    let command = Command::new(tree.name.clone()).about(tree.about).aliases(aliases.collect::<Vec<_>>());
    if tree.children.is_empty() {
        return leaf(workflow, command, &tree.path, flags);
    }
    let command = command.subcommand_required(true);
    let command = match own.has_all(tree) {
        true => {
            let all = Command::new("all").about(format!("Run all phases of {}", tree.name));
            command.subcommand(leaf(workflow, all, &format!("{}/all", tree.path), flags))
        }
        false => command,
    };
    tree.children.iter().fold(command, |command, child| command.subcommand(branch(workflow, child, flags)))
}

fn leaf(workflow: &str, command: Command, path: &str, flags: fn(Command) -> Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    let own = PhaseFlags::of(workflow);
    let fit = |arg: clap::Arg| {
        let known = arg.get_long().is_none_or(|flag| own.takes(path, flag));
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
    let own = PhaseFlags::of(command);
    match given::flags(matches).iter().find(|flag| !own.takes(&path, flag)) {
        Some(flag) => Err(Exit::failed(format!("unknown flag: --{flag} for the phase {path}; see --help"))),
        None => Ok(Some(ChosenPhase { path, matches })),
    }
}

/// Phases to skip as the graph knows them: in lower case, without aliases, and without `all`, which does nothing of its
/// own. Names that are wrong stay, and are told by the plan.
pub fn skipped(tree: &Tree, given: &[String]) -> Vec<String> {
    let own = PhaseFlags::of(&tree.name);
    let mut skipped = Vec::new();
    for name in given.iter().map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()) {
        let group = name.strip_suffix("/all").and_then(|group| tree.children.iter().find(|child| child.path == group));
        if group.is_some_and(|group| own.has_all(group)) {
            continue;
        }
        let known = own.aliases.iter().find(|(path, alias)| match path.rsplit_once('/') {
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
