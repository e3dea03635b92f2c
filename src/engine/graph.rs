//! The graph of a workflow's phases, derived from what they read and make. It knows the order, and nothing of a run.

use std::any::TypeId;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use crate::phase::{AnyPhase, Entry, Needs};
use crate::store::ArtifactId;
use crate::world::World;

/// The phases of one command, in their order.
pub struct Workflow<W: World> {
    name: &'static str,
    groups: &'static [(&'static str, &'static str)],
    pub(crate) nodes: Vec<GraphNode<W>>,
    pub(crate) makers: HashMap<TypeId, usize>,
}

pub(crate) struct GraphNode<W: World> {
    pub(crate) path: &'static str,
    pub(crate) phase: &'static dyn AnyPhase<W>,
    pub(crate) needs: Needs,
    pub(crate) makes: ArtifactId,
    /// Indices of the phases that come before it, ascending.
    pub(crate) deps: Vec<usize>,
}

/// One phase of a workflow, with its place in the graph.
pub struct PhaseRef<'a, W: World> {
    /// Its address, such as `certs/apiserver`.
    pub path: &'static str,
    /// The phase.
    pub phase: &'static dyn AnyPhase<W>,
    /// What it needs.
    pub needs: &'a Needs,
    /// The paths of the phases that it waits for directly, in order.
    pub waits_for: Vec<&'static str>,
}

/// A group, or a phase, with what stands below it: for help texts and docs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Its address; empty for the workflow itself.
    pub path: String,
    /// The last word of its address; the workflow's name for the workflow itself.
    pub name: String,
    /// Its help line.
    pub about: &'static str,
    /// Whether it is a phase; else it is a group.
    pub phase: bool,
    /// What stands below it, in rank order.
    pub children: Vec<Tree>,
}

/// Why phases make no graph. All of these are mistakes in the code, found when the command starts.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GraphError {
    /// Phases wait for each other.
    #[error("phases wait for each other: {cycle}")]
    Cycle {
        /// The way around.
        cycle: Cycle,
    },
    /// One artifact has two makers.
    #[error("`{artifact}` is made by `{}` and by `{}`", phases[0], phases[1])]
    TwoMakers {
        /// The artifact's name.
        artifact: &'static str,
        /// Both makers.
        phases: [&'static str; 2],
    },
    /// A phase comes after something that the workflow does not have.
    #[error("`{phase}` comes after `{names}`, which is neither a phase nor a group of `{workflow}`")]
    UnknownAfter {
        /// The phase.
        phase: &'static str,
        /// What it names.
        names: &'static str,
        /// The workflow.
        workflow: &'static str,
    },
    /// Two types share a name.
    #[error("two types are named `{name}`; one is used by `{}`, the other by `{}`", phases[0], phases[1])]
    NameClash {
        /// The name.
        name: &'static str,
        /// One phase that uses each.
        phases: [&'static str; 2],
    },
    /// An address is used twice, or names both a phase and a group.
    #[error("`{path}` is the address of two phases, or of a phase and a group")]
    TwoPhases {
        /// The address.
        path: &'static str,
    },
}

/// The way around a cycle: each phase waits for the next, the last for the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// A phase and what makes it wait for the next one: an artifact's name or `AFTER`.
    pub links: Vec<(&'static str, String)>,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (phase, through) in &self.links {
            write!(f, "{phase} ({through}) → ")?;
        }
        f.write_str(self.links.first().map_or("", |(phase, _)| phase))
    }
}

/// Whether `group` is `path` or stands above it: `certs` covers `certs` and `certs/ca`, not `certs-old`.
pub fn covers(group: &str, path: &str) -> bool {
    path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl<W: World> Workflow<W> {
    /// Derives the graph. Its order does not depend on the order of the entries.
    pub fn new(name: &'static str, entries: &'static [Entry<W>]) -> Result<Self, GraphError> {
        let mut sorted: Vec<&Entry<W>> = entries.iter().collect();
        sorted.sort_by_key(|entry| (entry.phase.rank(), entry.path));
        check_addresses(&sorted)?;
        let mut raw: Vec<GraphNode<W>> = sorted
            .iter()
            .map(|entry| GraphNode {
                path: entry.path,
                phase: entry.phase,
                needs: entry.phase.needs(),
                makes: entry.phase.makes(),
                deps: Vec::new(),
            })
            .collect();
        check_names(&raw)?;
        let makers = makers(&raw)?;
        let edges = edges(name, &raw, &makers)?;
        let order = order(&edges).map_err(|stuck| cycle(&raw, &edges, &stuck))?;
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        for (node, edges) in raw.iter_mut().zip(&edges) {
            let deps: BTreeSet<usize> = edges.iter().map(|edge| place[edge.to]).collect();
            node.deps = deps.into_iter().collect();
        }
        let mut nodes: Vec<(usize, GraphNode<W>)> = place.iter().copied().zip(raw).collect();
        nodes.sort_by_key(|(place, _)| *place);
        let nodes = nodes.into_iter().map(|(_, node)| node).collect();
        let makers = makers.into_iter().map(|(id, old)| (id, place[old])).collect();
        Ok(Self { name, groups: &[], nodes, makers })
    }

    /// Adds the help lines of groups: `(address, line)`; the workflow's own address is empty.
    #[must_use]
    pub fn with_groups(mut self, groups: &'static [(&'static str, &'static str)]) -> Self {
        self.groups = groups;
        self
    }

    /// Its name, such as `init`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its help line; empty when it has none.
    pub fn about(&self) -> &'static str {
        self.group_about("")
    }

    /// Every phase in the one order: after all that it waits for, ties by rank and address.
    pub fn phases(&self) -> impl Iterator<Item = PhaseRef<'_, W>> {
        self.nodes.iter().map(|node| self.phase_ref(node))
    }

    /// The phase with this address.
    pub fn find(&self, path: &str) -> Option<PhaseRef<'_, W>> {
        self.nodes.iter().find(|node| node.path == path).map(|node| self.phase_ref(node))
    }

    /// The phases, and every phase that reads what one of them makes, or what that one makes in turn.
    pub fn with_readers<'a>(&'a self, phases: &BTreeSet<&str>) -> BTreeSet<&'a str> {
        let mut found: Vec<bool> = Vec::with_capacity(self.nodes.len());
        // In order, so that every maker has been looked at before its readers.
        for node in &self.nodes {
            let mut makers =
                node.needs.reads.iter().chain(&node.needs.maybe).filter_map(|id| self.makers.get(&id.type_id()));
            let reads = makers.any(|maker| found.get(*maker) == Some(&true));
            found.push(reads || phases.contains(node.path));
        }
        self.nodes.iter().zip(found).filter(|(_, found)| *found).map(|(node, _)| node.path).collect()
    }

    /// Groups and phases as a tree, in rank order.
    pub fn tree(&self) -> Tree {
        self.branch("", self.name)
    }

    /// Every address of a phase or a group.
    pub(crate) fn addresses(&self) -> BTreeSet<&'static str> {
        self.nodes.iter().flat_map(|node| parents(node.path).chain([node.path])).collect()
    }

    fn phase_ref<'a>(&'a self, node: &'a GraphNode<W>) -> PhaseRef<'a, W> {
        let waits_for = node.deps.iter().map(|dep| self.nodes[*dep].path).collect();
        PhaseRef { path: node.path, phase: node.phase, needs: &node.needs, waits_for }
    }

    fn group_about(&self, path: &str) -> &'static str {
        self.groups.iter().find(|(group, _)| *group == path).map_or("", |(_, about)| about)
    }

    fn branch(&self, path: &str, name: &str) -> Tree {
        let leaf = self.nodes.iter().find(|node| node.path == path);
        let below = |node: &GraphNode<W>| match path {
            "" => Some(node.path),
            _ => node.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')),
        };
        // A group stands where its first phase stands.
        let mut names: HashMap<&'static str, u16> = HashMap::new();
        for (node, rest) in self.nodes.iter().filter_map(|node| Some((node, below(node)?))) {
            let rank = names.entry(rest.split('/').next().unwrap_or(rest)).or_insert(u16::MAX);
            *rank = (*rank).min(node.phase.rank());
        }
        let mut names: Vec<(u16, &'static str)> = names.into_iter().map(|(name, rank)| (rank, name)).collect();
        names.sort_unstable();
        let child = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        Tree {
            path: path.to_owned(),
            name: name.to_owned(),
            about: leaf.map_or_else(|| self.group_about(path), |node| node.phase.about()),
            phase: leaf.is_some(),
            children: names.into_iter().map(|(_, name)| self.branch(&child(name), name)).collect(),
        }
    }
}

/// The groups above an address, outermost first.
fn parents(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.match_indices('/').map(move |(at, _)| &path[..at])
}

fn check_addresses<W: World>(sorted: &[&Entry<W>]) -> Result<(), GraphError> {
    let groups: BTreeSet<&str> = sorted.iter().flat_map(|entry| parents(entry.path)).collect();
    let mut seen = BTreeSet::new();
    for entry in sorted {
        if groups.contains(entry.path) || !seen.insert(entry.path) {
            return Err(GraphError::TwoPhases { path: entry.path });
        }
    }
    Ok(())
}

fn check_names<W: World>(nodes: &[GraphNode<W>]) -> Result<(), GraphError> {
    let mut seen: HashMap<&'static str, (ArtifactId, &'static str)> = HashMap::new();
    for node in nodes {
        for id in node.needs.reads.iter().chain(&node.needs.maybe).chain([&node.makes]) {
            let (known, by) = *seen.entry(id.name).or_insert((*id, node.path));
            if known != *id {
                return Err(GraphError::NameClash { name: id.name, phases: [by, node.path] });
            }
        }
    }
    Ok(())
}

fn makers<W: World>(nodes: &[GraphNode<W>]) -> Result<HashMap<TypeId, usize>, GraphError> {
    let mut makers: HashMap<TypeId, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| !node.makes.is_nothing()) {
        if let Some(other) = makers.insert(node.makes.type_id(), index) {
            return Err(GraphError::TwoMakers { artifact: node.makes.name, phases: [nodes[other].path, node.path] });
        }
    }
    Ok(makers)
}

/// One phase waits for another, and why.
struct Edge {
    to: usize,
    through: &'static str,
}

fn edges<W: World>(
    workflow: &'static str,
    nodes: &[GraphNode<W>],
    makers: &HashMap<TypeId, usize>,
) -> Result<Vec<Vec<Edge>>, GraphError> {
    let mut all = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let mut edges = Vec::new();
        for id in node.needs.reads.iter().chain(&node.needs.maybe) {
            edges.extend(makers.get(&id.type_id()).map(|maker| Edge { to: *maker, through: id.name }));
        }
        for names in node.phase.after() {
            let before = edges.len();
            let covered =
                |(to, other): (usize, &GraphNode<W>)| (to != index && covers(names, other.path)).then_some(to);
            edges.extend(nodes.iter().enumerate().filter_map(covered).map(|to| Edge { to, through: "AFTER" }));
            if edges.len() == before {
                return Err(GraphError::UnknownAfter { phase: node.path, names, workflow });
            }
        }
        all.push(edges);
    }
    Ok(all)
}

/// Orders indices, which are already sorted by rank and path, so that each comes after what it waits for; or gives those
/// that could not be placed.
fn order(edges: &[Vec<Edge>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut placed = vec![false; edges.len()];
    let mut order = Vec::with_capacity(edges.len());
    while order.len() < edges.len() {
        let ready = |index: &usize| !placed[*index] && edges[*index].iter().all(|edge| placed[edge.to]);
        let Some(next) = (0..edges.len()).find(ready) else {
            return Err((0..edges.len()).filter(|index| !placed[*index]).collect());
        };
        placed[next] = true;
        order.push(next);
    }
    Ok(order)
}

/// Walks from one of the stuck phases along what it waits for until a phase comes up again.
fn cycle<W: World>(nodes: &[GraphNode<W>], edges: &[Vec<Edge>], stuck: &[usize]) -> GraphError {
    let mut way: Vec<(usize, &'static str)> = Vec::new();
    let mut at = stuck[0];
    while !way.iter().any(|(index, _)| *index == at) {
        let Some(edge) = edges[at].iter().find(|edge| stuck.contains(&edge.to)) else { break };
        way.push((at, edge.through));
        at = edge.to;
    }
    let start = way.iter().position(|(index, _)| *index == at).unwrap_or(0);
    let links = way[start..].iter().map(|(index, through)| (nodes[*index].path, (*through).to_owned())).collect();
    GraphError::Cycle { cycle: Cycle { links } }
}

#[cfg(test)]
mod tests;
