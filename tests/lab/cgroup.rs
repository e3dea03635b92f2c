//! The machine's control groups: a group per node, so that each kubelet sees a tree of its own, and so that everything a
//! node ever started can be found and ended.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    error::{LabError, Result},
    layout,
};

/// How this machine lays out its control groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// One tree per controller or set of controllers.
    V1(Vec<Tree>),
    /// One tree for all. Written from the documentation: not tried yet.
    V2,
}

/// One mounted tree of version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The directory under `/sys/fs/cgroup`.
    name: String,
    /// What mounts the same tree again.
    options: String,
}

impl Hierarchy {
    /// Looks at what is mounted.
    pub(crate) fn detect() -> Result<Self> {
        let mounts = Path::new("/proc/self/mounts");
        let text = fs::read_to_string(mounts).map_err(LabError::file("read", mounts))?;
        parse(&text).ok_or_else(|| LabError::missing("no control groups under `/sys/fs/cgroup`", "mount them"))
    }

    /// What boot.sh mounts: the version, then `NAME:OPTIONS` for each tree.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::V1(trees) => {
                let mounts = trees.iter().map(|tree| format!(" {}:{}", tree.name, tree.options));
                format!("v1{}", mounts.collect::<String>())
            }
            Self::V2 => "v2".to_owned(),
        }
    }

    /// Makes the group in every tree; may be there already.
    pub(crate) fn make(&self, group: &str) -> Result<()> {
        for dir in self.dirs(group) {
            layout::make_dir(&dir)?;
            // A new cpuset is empty, and nothing can be moved into it until it is not.
            if let (Some(parent), true) = (dir.parent(), dir.join("cpuset.mems").exists() && *self != Self::V2) {
                for file in ["cpuset.cpus", "cpuset.mems"] {
                    let all = layout::read(&parent.join(file))?.unwrap_or_default();
                    layout::write(&dir.join(file), all.trim())?;
                }
                layout::write(&dir.join("cgroup.clone_children"), "1")?;
            }
        }
        if *self == Self::V2 {
            let root = Path::new(ROOT);
            for controller in layout::read(&root.join("cgroup.controllers"))?.unwrap_or_default().split_whitespace() {
                layout::write(&root.join("cgroup.subtree_control"), format!("+{controller}"))?;
            }
        }
        Ok(())
    }

    /// The files to write one's process id to, to be in the group before the node is up.
    pub(crate) fn entrances(&self, group: &str) -> Vec<PathBuf> {
        self.dirs(group).into_iter().map(|dir| dir.join("cgroup.procs")).collect()
    }

    /// The same, for a node that is up: in version 2 its processes sit in a leaf.
    pub(crate) fn entrances_of_running(&self, group: &str) -> Vec<PathBuf> {
        match self {
            Self::V1(_) => self.entrances(group),
            Self::V2 => vec![Path::new(ROOT).join(group).join("init/cgroup.procs")],
        }
    }

    /// Ids of all processes in the group and below.
    pub(crate) fn processes(&self, group: &str) -> BTreeSet<i32> {
        let mut ids = BTreeSet::new();
        self.dirs(group).iter().for_each(|dir| collect(dir, &mut ids));
        ids
    }

    /// Ends every process in the group, those that appear meanwhile too, and removes the group.
    pub(crate) fn remove(&self, group: &str) -> Result<()> {
        let start = Instant::now();
        loop {
            let ids = self.processes(group);
            if ids.is_empty() {
                break;
            }
            if start.elapsed() > Duration::from_secs(20) {
                let hint = format!("processes {ids:?} do not end");
                return Err(LabError::missing(format!("cannot empty control group `{group}`"), hint));
            }
            for id in ids.into_iter().filter_map(Pid::from_raw) {
                // Gone in the meantime is as good.
                let _ = kill_process(id, Signal::KILL);
            }
            thread::sleep(Duration::from_millis(50));
        }
        self.dirs(group).iter().for_each(|dir| remove_tree(dir));
        match self.dirs(group).into_iter().find(|dir| dir.exists()) {
            None => Ok(()),
            Some(left) => {
                Err(LabError::missing(format!("cannot remove `{}`", left.display()), "something is still in it"))
            }
        }
    }

    fn dirs(&self, group: &str) -> Vec<PathBuf> {
        let root = Path::new(ROOT);
        match self {
            Self::V1(trees) => trees.iter().map(|tree| root.join(&tree.name).join(group)).collect(),
            Self::V2 => vec![root.join(group)],
        }
    }
}

fn collect(dir: &Path, ids: &mut BTreeSet<i32>) {
    let listed = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    ids.extend(listed.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|id| *id > 0));
    subdirectories(dir).iter().for_each(|sub| collect(sub, ids));
}

/// A control group's files cannot be removed, its directories only when they hold none.
fn remove_tree(dir: &Path) {
    subdirectories(dir).iter().for_each(|sub| remove_tree(sub));
    // A group is busy for a moment after its last process: try a few times. The caller looks whether it worked.
    for _ in 0..20 {
        if fs::remove_dir(dir).is_ok() || !dir.exists() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn subdirectories(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

fn parse(mounts: &str) -> Option<Hierarchy> {
    let mut trees = Vec::new();
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        let (at, kind, options) = (words.next()?, words.next()?, words.next()?);
        if kind == "cgroup2" && at == ROOT {
            return Some(Hierarchy::V2);
        }
        if let ("cgroup", Some(name)) = (kind, at.strip_prefix("/sys/fs/cgroup/")) {
            trees.push(Tree { name: name.to_owned(), options: tree_options(options) });
        }
    }
    (!trees.is_empty()).then_some(Hierarchy::V1(trees))
}

/// Of a mount's options those that say which tree it is.
fn tree_options(options: &str) -> String {
    let general = ["rw", "ro", "nosuid", "nodev", "noexec", "relatime", "noatime", "clone_children", "xattr"];
    let which: Vec<&str> =
        options.split(',').filter(|o| !general.contains(o) && !o.starts_with("release_agent")).collect();
    let named = if which.iter().any(|option| option.starts_with("name=")) { "none," } else { "" };
    format!("{named}{}", which.join(","))
}

const ROOT: &str = "/sys/fs/cgroup";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn knows_version_1_with_controllers_mounted_together_and_a_named_tree() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
            cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0\n\
            cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,release_agent=/x,name=systemd 0 0\n\
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let found = parse(mounts).unwrap();
        assert_eq!(found.describe(), "v1 cpu,cpuacct:cpu,cpuacct systemd:none,name=systemd");
    }

    #[test]
    fn knows_version_2_by_its_mount_at_the_root() {
        assert_eq!(parse("cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"), Some(Hierarchy::V2));
        assert_eq!(parse("proc /proc proc rw 0 0\n"), None);
    }
}
