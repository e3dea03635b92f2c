//! What each phase of a workflow will do in one run, and why. Pure: it looks at types, seeds and the selection only.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use crate::event::PhaseInfo;
use crate::graph::{GraphNode, Workflow, covers};
use crate::inputs::Inputs;
use crate::phase::{AnyPhase, Applies, Needs};
use crate::record::{FORMAT, Head};
use crate::selection::Selection;
use crate::store::{ArtifactId, Seeds};
use crate::world::World;

/// The phases that finished in the run which is resumed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done(BTreeSet<String>);

impl Done {
    /// None: a run that resumes nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// These phases, by address.
    pub fn of(phases: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(phases.into_iter().map(Into::into).collect())
    }

    /// Their addresses, sorted.
    pub fn phases(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All but these.
    #[must_use]
    pub fn without(mut self, phases: &BTreeSet<&str>) -> Self {
        self.0.retain(|phase| !phases.contains(phase.as_str()));
        self
    }

    fn has(&self, path: &str) -> bool {
        self.0.contains(path)
    }
}

/// What the plan says of a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It runs.
    Run,
    /// It does not run, but its value is wanted and read from the node.
    Load {
        /// Why it does not run.
        why: Why,
    },
    /// It does not run, and nobody wants its value.
    Leave {
        /// Why it does not run.
        why: Why,
    },
}

impl Step {
    /// One word: `run`, `load` or `leave`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Load { .. } => "load",
            Self::Leave { .. } => "leave",
        }
    }

    /// Why it does not run.
    pub fn why(&self) -> Option<&Why> {
        match self {
            Self::Run => None,
            Self::Load { why } | Self::Leave { why } => Some(why),
        }
    }
}

/// Why a phase does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Other phases were asked for.
    NotSelected,
    /// The user left it out.
    Skipped,
    /// It finished in the run that is resumed.
    AlreadyFinished,
    /// It has nothing to do with this configuration.
    DoesNotApply(Cow<'static, str>),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSelected => f.write_str("not selected"),
            Self::Skipped => f.write_str("skipped"),
            Self::AlreadyFinished => f.write_str("already finished"),
            Self::DoesNotApply(why) => f.write_str(why),
        }
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// The user named something that the workflow does not have.
    // The first words are kubeadm's.
    #[error("invalid phase name: {given}{}", suggestion(near))]
    UnknownPhase {
        /// What the user gave.
        given: String,
        /// Addresses that look like it, best first.
        near: Vec<String>,
        /// The workflow.
        workflow: &'static str,
    },
    /// A phase reads what nobody makes: a mistake in the code.
    #[error("`{wanted_by}` reads `{artifact}`, but no phase of `{workflow}` makes it and it is not a seed")]
    NothingMakes {
        /// The artifact's name.
        artifact: &'static str,
        /// Who reads it.
        wanted_by: &'static str,
        /// The workflow.
        workflow: &'static str,
    },
}

fn suggestion(near: &[String]) -> String {
    match near {
        [] => String::new(),
        _ => format!("; did you mean `{}`?", near.join("` or `")),
    }
}

/// What one run will do.
pub struct Plan<W: World> {
    workflow: &'static str,
    seeds: Seeds,
    selection: Selection,
    done: Vec<String>,
    pub(crate) nodes: Vec<PlanNode<W>>,
}

pub(crate) struct PlanNode<W: World> {
    pub(crate) path: &'static str,
    pub(crate) phase: &'static dyn AnyPhase<W>,
    pub(crate) step: Step,
    /// What the user is told when it does not apply: the word in brackets, and the line.
    pub(crate) told: Option<(&'static str, String)>,
    pub(crate) needs: Needs,
    pub(crate) makes: ArtifactId,
    pub(crate) deps: Vec<usize>,
    pub(crate) wanted: Want,
    /// The maker of each value that it reads, without those that seeds give.
    pub(crate) reads_from: Vec<usize>,
    /// The maker of each value that it reads when there is one.
    pub(crate) maybe_from: Vec<usize>,
}

/// How much a value is missed when it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Want {
    /// Nobody reads it.
    No,
    /// Its readers can do without it, unless one of them is pulled back.
    Maybe,
    /// A phase that runs reads it.
    Must,
}

impl<W: World> Plan<W> {
    /// The workflow's name.
    pub fn workflow(&self) -> &'static str {
        self.workflow
    }

    /// Every phase and what is planned for it, in order.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, &Step)> {
        self.nodes.iter().map(|node| (node.path, &node.step))
    }

    /// Every phase as the event stream lists it.
    pub fn phases(&self) -> Vec<PhaseInfo> {
        let info = |node: &PlanNode<W>| PhaseInfo {
            path: node.path.into(),
            about: node.phase.about().into(),
            step: node.step.word().into(),
            why: node.step.why().map(ToString::to_string),
            finished: node.step.why() == Some(&Why::AlreadyFinished),
        };
        self.nodes.iter().map(info).collect()
    }

    /// The values that are known before any phase runs.
    pub fn seeds(&self) -> &Seeds {
        &self.seeds
    }

    /// What the journal says first of this run, as far as the plan knows it.
    pub fn head(&self, tool: &str, inputs: Inputs, resumes: Option<String>) -> Head {
        let run = |node: &&PlanNode<W>| node.step == Step::Run;
        Head {
            format: FORMAT,
            tool: tool.into(),
            workflow: self.workflow.into(),
            inputs,
            selection: self.selection.clone(),
            steps: self.nodes.iter().filter(run).map(|node| node.path.into()).collect(),
            resumes,
            done: self.done.clone(),
            promised: Vec::new(),
            command: String::new(),
            pid: std::process::id(),
        }
    }
}

impl<W: World> Workflow<W> {
    /// Decides for each phase whether it runs, is loaded or is left.
    ///
    /// A phase runs when it is selected, not skipped, applies and has not finished yet. Any other phase is loaded when a
    /// phase that runs reads its value, and left otherwise. What a finished phase read is loaded too: should its own
    /// value have vanished, it runs again and needs it.
    pub fn plan(&self, seeds: Seeds, selection: &Selection, done: &Done) -> Result<Plan<W>, PlanError> {
        let only = self.resolve(&selection.only)?;
        let skip = self.resolve(&selection.skip)?;
        let covered = |groups: &[&str], path: &str| groups.iter().any(|group| covers(group, path));
        let decide = |node: &GraphNode<W>| {
            if !only.is_empty() && !covered(&only, node.path) {
                (Some(Why::NotSelected), None)
            } else if covered(&skip, node.path) {
                (Some(Why::Skipped), None)
            } else {
                match node.phase.applies_to(&seeds) {
                    Applies::Yes => (done.has(node.path).then_some(Why::AlreadyFinished), None),
                    Applies::No { why } => (Some(Why::DoesNotApply(why)), None),
                    Applies::Told { tag, text } => (Some(Why::DoesNotApply(text.clone().into())), Some((tag, text))),
                }
            }
        };
        let (whys, mut told): (Vec<Option<Why>>, Vec<_>) = self.nodes.iter().map(decide).unzip();

        let mut wanted = vec![Want::No; self.nodes.len()];
        let mut read = vec![false; self.nodes.len()];
        let mut nodes: Vec<PlanNode<W>> = Vec::with_capacity(self.nodes.len());
        // Backwards, so that every reader has been decided before its maker.
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let maker = |id: &ArtifactId| if seeds.has(*id) { None } else { self.makers.get(&id.type_id()).copied() };
            let reads_from: Vec<usize> = node.needs.reads.iter().filter_map(maker).collect();
            let maybe_from: Vec<usize> = node.needs.maybe.iter().filter_map(maker).collect();
            let step = match &whys[index] {
                None => Step::Run,
                Some(why @ Why::DoesNotApply(_)) if !read[index] => Step::Leave { why: why.clone() },
                Some(why) if wanted[index] == Want::No => Step::Leave { why: why.clone() },
                Some(why) => Step::Load { why: why.clone() },
            };
            let runs = step == Step::Run;
            if runs || matches!(&step, Step::Load { why: Why::AlreadyFinished }) {
                let absent = |id: &&ArtifactId| !seeds.has(**id) && !self.makers.contains_key(&id.type_id());
                if let Some(id) = node.needs.reads.iter().find(absent) {
                    let (artifact, wanted_by) = (id.name, node.path);
                    return Err(PlanError::NothingMakes { artifact, wanted_by, workflow: self.name() });
                }
                for maker in &reads_from {
                    read[*maker] = true;
                    wanted[*maker] = wanted[*maker].max(if runs { Want::Must } else { Want::Maybe });
                }
                for maker in &maybe_from {
                    // A value that was made and has vanished is made again, also for those that could do without.
                    let made = whys[*maker] == Some(Why::AlreadyFinished);
                    wanted[*maker] = wanted[*maker].max(if runs && made { Want::Must } else { Want::Maybe });
                }
            }
            nodes.push(PlanNode {
                path: node.path,
                phase: node.phase,
                step,
                told: told[index].take(),
                needs: node.needs.clone(),
                makes: node.makes,
                deps: node.deps.clone(),
                wanted: wanted[index],
                reads_from,
                maybe_from,
            });
        }
        nodes.reverse();
        let done = self.nodes.iter().filter(|node| done.has(node.path)).map(|node| node.path.into()).collect();
        Ok(Plan { workflow: self.name(), seeds, selection: selection.clone(), done, nodes })
    }

    /// Turns what the user wrote into addresses of phases and groups; `all` below a group is the group.
    fn resolve<'a>(&self, given: &'a [String]) -> Result<Vec<&'a str>, PlanError> {
        let addresses = self.addresses();
        let resolve = |given: &'a String| {
            let path = given.strip_suffix("/all").unwrap_or(given);
            if addresses.contains(path) && (path == given || !self.nodes.iter().any(|node| node.path == path)) {
                Ok(path)
            } else {
                let near = near(path, &addresses);
                Err(PlanError::UnknownPhase { given: given.clone(), near, workflow: self.name() })
            }
        };
        given.iter().map(resolve).collect()
    }
}

/// The addresses, at most three, that look like what was given, or end like it.
fn near(given: &str, addresses: &BTreeSet<&'static str>) -> Vec<String> {
    let last = |path: &'static str| path.rsplit('/').next().unwrap_or(path);
    let likeness = |path: &'static str| {
        // A right last word without its group is the likeliest slip.
        strsim::jaro_winkler(given, path).max(strsim::jaro_winkler(given, last(path)))
    };
    let mut near: Vec<(f64, &'static str)> = addresses.iter().map(|path| (likeness(path), *path)).collect();
    near.retain(|(likeness, _)| *likeness > 0.8);
    near.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    near.into_iter().take(3).map(|(_, path)| path.to_owned()).collect()
}

#[cfg(test)]
mod tests;
