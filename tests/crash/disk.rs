//! What a disk may hold after a power cut, worked out from a recording.
//!
//! Durable is what was flushed: a file's bytes, length, mode and owner by a flush of the file, the names in a directory by
//! one of the directory. Of all else each part may be there or not, within two models:
//!
//! - *ordered*, which is what ext4 (`data=ordered`) and xfs do: both write one log, so names, modes and owners reach the
//!   disk in the order of their calls, and a cut leaves a beginning of them. Bytes go their own way: present, missing
//!   (the file is empty or short), torn, or zeros where the length is there before the bytes.
//! - *free*: any subset of all unflushed steps, each with any fate of bytes. No log promises less; who holds here does not
//!   lean on how a file system is built.
//!
//! A rename is one step in both: the log has both names in one transaction. An unflushed flush promises nothing, not even
//! order, and a file's flush does not promise its name, although ext4 and xfs would give it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::recording::{Op, Recording};
use crate::tree::{Entry, Tree};

/// One state of a disk.
pub struct State {
    /// How many calls had ended before the power was cut, and what became of those that were not flushed.
    pub cut: String,
    /// What is found.
    pub tree: Tree,
}

/// The disk that a recording was made on.
pub struct Disk {
    nodes: Vec<Entry>,
    steps: Vec<Step>,
    /// How many steps only say what was there before.
    before: usize,
}

/// One call, by files instead of their names, which change.
#[derive(Debug, Clone)]
enum Step {
    Nothing,
    /// Names in directories, and what has them from now on.
    Names(Vec<(usize, String, Option<usize>)>),
    Write {
        node: usize,
        at: usize,
        bytes: Vec<u8>,
    },
    Length {
        node: usize,
        length: usize,
    },
    Attributes {
        node: usize,
        mode: u32,
        owner: (u32, u32),
    },
    Sync {
        node: usize,
        began: usize,
    },
}

/// What became of a step that was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Lost,
    /// Half of the bytes.
    Torn,
    /// The length without the bytes.
    Zeros,
}

const ROOT: usize = 0;

impl Disk {
    /// Follows a recording.
    ///
    /// # Panics
    /// It does not fit together.
    pub fn of(recording: &Recording) -> Self {
        let root = Entry { mode: 0o755, owner: (0, 0), bytes: None };
        let mut view = View { nodes: vec![root], names: HashMap::new() };
        for (path, entry) in &recording.before {
            view.nodes.push(entry.clone());
            let (directory, name) = view.place(path);
            view.names.insert((directory, name), view.nodes.len() - 1);
        }
        let before = view.names.clone();
        let mut steps =
            vec![Step::Names(before.into_iter().map(|((dir, name), node)| (dir, name, Some(node))).collect())];
        // What was there before is durable.
        steps.extend((0..view.nodes.len()).map(|node| Step::Sync { node, began: 1 }));
        let shift = steps.len();
        steps.extend(recording.ops.iter().map(|op| view.step(op, shift)));
        Self { nodes: view.nodes, steps, before: shift }
    }

    /// Every state of the ordered model, and of the free one each with one step's fate changed and `random` others at each
    /// cut. None comes twice.
    pub fn states(&self, random: usize) -> Vec<State> {
        let mut seen = HashSet::new();
        let mut states = Vec::new();
        let mut durable = vec![false; self.steps.len()];
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for (end, step) in self.steps.iter().enumerate() {
            if let Step::Sync { node, began } = step {
                for (index, earlier) in self.steps[..*began].iter().enumerate() {
                    durable[index] |= earlier.concerns(*node);
                }
            }
            if end + 1 < self.before {
                continue;
            }
            let open: Vec<usize> = (0..=end).filter(|index| !durable[*index] && self.steps[*index].changes()).collect();
            for fates in self.fates(&open, random, &mut dice) {
                let tree = self.tree(end, &open, &fates);
                let mut hasher = DefaultHasher::new();
                tree.hash(&mut hasher);
                if seen.insert(hasher.finish()) {
                    states.push(State { cut: self.describe(end, &open, &fates), tree });
                }
            }
        }
        states
    }

    /// Everything that may have become of the open steps.
    fn fates(&self, open: &[usize], random: usize, dice: &mut Dice) -> Vec<Vec<Fate>> {
        use Fate::{Kept, Lost, Torn, Zeros};
        let is_data = |place: usize| matches!(self.steps[open[place]], Step::Write { .. });
        let metadata = (0..open.len()).filter(|place| !is_data(*place)).count();
        let mut all = Vec::new();
        // Ordered: a beginning of the log, and bytes as they happen to be.
        for beginning in 0..=metadata {
            for bytes in [Kept, Lost, Torn, Zeros] {
                let mut left = beginning;
                let fate = |place| match is_data(place) {
                    true => bytes,
                    false if left > 0 => {
                        left -= 1;
                        Kept
                    }
                    false => Lost,
                };
                all.push((0..open.len()).map(fate).collect());
            }
        }
        // Free: one step apart from all others, either way.
        for apart in 0..open.len() {
            for (others, fates) in [(Kept, &[Lost, Torn, Zeros][..]), (Lost, &[Kept, Torn, Zeros][..])] {
                for fate in fates.iter().filter(|fate| is_data(apart) || !matches!(fate, Torn | Zeros)) {
                    let mut these = vec![others; open.len()];
                    these[apart] = *fate;
                    all.push(these);
                }
            }
        }
        if open.len() > 2 {
            for _ in 0..random {
                let fate = |place| match is_data(place) {
                    true => [Kept, Lost, Torn, Zeros][dice.below(4)],
                    false => [Kept, Lost][dice.below(2)],
                };
                all.push((0..open.len()).map(fate).collect());
            }
        }
        all
    }

    fn tree(&self, end: usize, open: &[usize], fates: &[Fate]) -> Tree {
        let fates: HashMap<usize, Fate> = open.iter().copied().zip(fates.iter().copied()).collect();
        let mut nodes = self.nodes.clone();
        let mut names: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        for (index, step) in self.steps[..=end].iter().enumerate() {
            let fate = fates.get(&index).copied().unwrap_or(Fate::Kept);
            match step {
                Step::Names(changes) if fate == Fate::Kept => {
                    for (directory, name, node) in changes {
                        match node {
                            Some(node) => names.insert((*directory, name), *node),
                            None => names.remove(&(*directory, name.as_str())),
                        };
                    }
                }
                Step::Write { node, at, bytes } => write(nodes[*node].bytes.as_mut().unwrap(), *at, bytes, fate),
                Step::Length { node, length } if fate == Fate::Kept => {
                    nodes[*node].bytes.as_mut().unwrap().resize(*length, 0);
                }
                Step::Attributes { node, mode, owner } if fate == Fate::Kept => {
                    (nodes[*node].mode, nodes[*node].owner) = (*mode, *owner);
                }
                _ => {}
            }
        }
        let mut tree = Tree::new();
        collect(ROOT, "", &nodes, &names, &mut tree);
        tree
    }

    fn describe(&self, end: usize, open: &[usize], fates: &[Fate]) -> String {
        let known = self.nodes.len();
        let name = |fate: &Fate| match fate {
            Fate::Kept => '+',
            Fate::Lost => '-',
            Fate::Torn => '/',
            Fate::Zeros => '0',
        };
        let fates: String = fates.iter().map(name).collect();
        format!("after {end} of {} steps ({known} files), unflushed {open:?}: {fates}", self.steps.len())
    }
}

fn collect(directory: usize, path: &str, nodes: &[Entry], names: &BTreeMap<(usize, &str), usize>, tree: &mut Tree) {
    let inside = names.range((directory, "")..).take_while(|((dir, _), _)| *dir == directory);
    for ((_, name), node) in inside {
        let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}/{name}") };
        let entry = &nodes[*node];
        tree.insert(path.clone(), entry.clone());
        if entry.bytes.is_none() {
            collect(*node, &path, nodes, names, tree);
        }
    }
}

fn write(file: &mut Vec<u8>, at: usize, bytes: &[u8], fate: Fate) {
    let kept = match fate {
        Fate::Lost => return,
        Fate::Kept => bytes.to_vec(),
        Fate::Torn => bytes[..bytes.len() / 2].to_vec(),
        Fate::Zeros => vec![0; bytes.len()],
    };
    if file.len() < at + kept.len() {
        file.resize(at + kept.len(), 0);
    }
    file[at..at + kept.len()].copy_from_slice(&kept);
}

impl Step {
    fn changes(&self) -> bool {
        !matches!(self, Self::Nothing | Self::Sync { .. })
    }

    /// Whether a flush of the file or directory makes it durable.
    fn concerns(&self, flushed: usize) -> bool {
        match self {
            Self::Nothing | Self::Sync { .. } => false,
            Self::Names(changes) => changes.iter().any(|(directory, ..)| *directory == flushed),
            Self::Write { node, .. } | Self::Length { node, .. } | Self::Attributes { node, .. } => *node == flushed,
        }
    }
}

/// The tree as programs see it while nothing is lost.
struct View {
    nodes: Vec<Entry>,
    names: HashMap<(usize, String), usize>,
}

impl View {
    fn step(&mut self, op: &Op, shift: usize) -> Step {
        match op {
            Op::Elsewhere => Step::Nothing,
            Op::Open { path, mode, owner, truncated } => match self.find(path) {
                Some(node) if *truncated => Step::Length { node, length: 0 },
                Some(_) => Step::Nothing,
                None => self.make(path, Entry { mode: *mode, owner: *owner, bytes: Some(Vec::new()) }),
            },
            Op::MakeDirectory { path, mode, owner } => {
                self.make(path, Entry { mode: *mode, owner: *owner, bytes: None })
            }
            Op::Write { path, at, bytes } => {
                Step::Write { node: self.known(path), at: usize::try_from(*at).unwrap(), bytes: bytes.clone() }
            }
            Op::Truncate { path, length } => {
                Step::Length { node: self.known(path), length: usize::try_from(*length).unwrap() }
            }
            Op::Attributes { path, mode, owner } => {
                Step::Attributes { node: self.known(path), mode: *mode, owner: *owner }
            }
            Op::Rename { from, to } => {
                let node = self.known(from);
                let ((from_dir, from), (to_dir, to)) = (self.place(from), self.place(to));
                self.names.remove(&(from_dir, from.clone()));
                self.names.insert((to_dir, to.clone()), node);
                Step::Names(vec![(from_dir, from, None), (to_dir, to, Some(node))])
            }
            Op::Remove { path } => {
                let (directory, name) = self.place(path);
                self.names.remove(&(directory, name.clone()));
                Step::Names(vec![(directory, name, None)])
            }
            Op::Sync { path, began } => Step::Sync { node: self.known(path), began: began + shift },
        }
    }

    fn make(&mut self, path: &str, entry: Entry) -> Step {
        let node = self.nodes.len();
        self.nodes.push(entry);
        let (directory, name) = self.place(path);
        self.names.insert((directory, name.clone()), node);
        Step::Names(vec![(directory, name, Some(node))])
    }

    fn place(&self, path: &str) -> (usize, String) {
        match path.rsplit_once('/') {
            Some((directory, name)) => (self.known(directory), name.to_owned()),
            None => (ROOT, path.to_owned()),
        }
    }

    fn known(&self, path: &str) -> usize {
        self.find(path).unwrap_or_else(|| panic!("`{path}` is used and was never made"))
    }

    fn find(&self, path: &str) -> Option<usize> {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.into_iter().try_fold(ROOT, |directory, name| self.names.get(&(directory, name.to_owned())).copied())
    }
}

/// Numbers that look random and are the same in every run: Marsaglia's xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

#[cfg(test)]
mod tests;
