//! What a kill would leave: the files and the cluster as they are at one instant of a run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::Faults;
use kubewright_host::STATE_DIR;
use kubewright_node::etcd::Member;
use kubewright_node::{Sandbox, ServiceBackend};
use kubewright_testkit::{KernelFacts, TestNode};
use serde_json::Value as Json;

use super::case::Case;
use super::machine::{Ask, Machine, Ran};

/// A file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Directory { mode: u32, owner: (u32, u32) },
    File { mode: u32, owner: (u32, u32), bytes: Arc<[u8]> },
}

impl Entry {
    /// Puts it there. Only root can give it to somebody else.
    pub fn put(&self, path: &Utf8Path) {
        let (mode, owner) = match self {
            Self::Directory { mode, owner } => {
                fs::DirBuilder::new().recursive(true).create(path).unwrap();
                (mode, owner)
            }
            Self::File { mode, owner, bytes } => {
                fs::write(path, bytes).unwrap();
                (mode, owner)
            }
        };
        if owned(&fs::symlink_metadata(path).unwrap()) != *owner {
            chown(path, Some(owner.0), Some(owner.1)).unwrap();
        }
        fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
    }

    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Directory { .. } => None,
            Self::File { bytes, .. } => Some(bytes),
        }
    }
}

fn owned(stat: &fs::Metadata) -> (u32, u32) {
    (stat.uid(), stat.gid())
}

/// All files and directories of a machine except our own state, by their paths on the machine.
pub fn files(node: &TestNode) -> BTreeMap<String, Entry> {
    let mut all = everything(node);
    all.retain(|path, _| path != STATE_DIR && !is_state(path));
    all
}

fn is_state(path: &str) -> bool {
    path.strip_prefix(STATE_DIR).is_some_and(|rest| rest.starts_with('/'))
}

fn everything(node: &TestNode) -> BTreeMap<String, Entry> {
    fn walk(base: &Utf8Path, directory: &Utf8Path, found: &mut BTreeMap<String, Entry>) {
        for entry in directory.read_dir_utf8().unwrap().map(Result::unwrap) {
            let (path, stat) = (entry.path(), fs::symlink_metadata(entry.path()).unwrap());
            let mode = stat.permissions().mode() & 0o7777;
            let name = format!("/{}", path.strip_prefix(base).unwrap());
            if stat.is_dir() {
                found.insert(name, Entry::Directory { mode, owner: owned(&stat) });
                walk(base, path, found);
            } else {
                found.insert(name, Entry::File { mode, owner: owned(&stat), bytes: fs::read(path).unwrap().into() });
            }
        }
    }
    let base = node.root.place(Utf8Path::new("/"));
    let mut found = BTreeMap::new();
    walk(&base, &base, &mut found);
    found
}

/// Whether the kubelet of a machine runs.
pub fn kubelet_runs(node: &TestNode) -> bool {
    futures_util::FutureExt::now_or_never(node.services.state("kubelet")).unwrap().unwrap().active
}

/// A machine at one instant.
#[derive(Clone)]
pub struct Snapshot {
    /// The checkpoint, such as `certs/ca:sealed`.
    pub at: String,
    entries: BTreeMap<String, Entry>,
    objects: Vec<Json>,
    etcd: Vec<Member>,
    restarted: bool,
    images: Vec<String>,
    sandboxes: Vec<Sandbox>,
    kernel: KernelFacts,
    kubelet: bool,
}

impl Snapshot {
    pub fn take(at: &str, node: &TestNode) -> Self {
        Self {
            at: at.into(),
            entries: everything(node),
            objects: node.kube.objects(),
            etcd: node.etcd.members(),
            restarted: node.services.calls().iter().any(|call| call == "restart kubelet"),
            images: node.runtime.images(),
            sandboxes: node.runtime.sandboxes(),
            kernel: node.kernel.now(),
            kubelet: kubelet_runs(node),
        }
    }

    /// Its files without our own state.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let ours = |path: &str| path == STATE_DIR || is_state(path);
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry)).filter(move |(path, _)| !ours(path))
    }

    /// The only journal, with its path on the machine.
    pub fn journal(&self) -> (Utf8PathBuf, Arc<[u8]>) {
        let mut journals = self.entries.iter().filter(|(path, _)| path.ends_with("/journal.jsonl"));
        match (journals.next(), journals.next()) {
            (Some((path, Entry::File { bytes, .. })), None) => (path.into(), bytes.clone()),
            _ => panic!("at {}: there is not one journal", self.at),
        }
    }

    /// The same with another journal.
    pub fn with_journal(&self, bytes: &[u8]) -> Self {
        let (path, _) = self.journal();
        let mut copy = self.clone();
        let Some(Entry::File { bytes: journal, .. }) = copy.entries.get_mut(path.as_str()) else { unreachable!() };
        *journal = bytes.into();
        copy
    }

    /// Another machine that is just like it. Services go on when a command is killed.
    pub fn restore(&self, case: &Case) -> Machine {
        let machine = Machine::new(case);
        for (path, entry) in &self.entries {
            entry.put(&machine.node.root.place(Utf8Path::new(path)));
        }
        self.objects.iter().for_each(|object| machine.node.kube.put(object.clone()));
        if self.restarted {
            machine.node.start_cluster();
            let running = kubewright_node::ServiceState { exists: true, enabled: true, active: self.kubelet };
            machine.node.services.set("kubelet", running);
        }
        machine.node.etcd.become_of(self.etcd.clone());
        machine.node.kernel.edit(|kernel| *kernel = self.kernel.clone());
        machine.node.runtime.edit(|runtime| runtime.sandboxes.clone_from(&self.sandboxes));
        self.images.iter().for_each(|image| machine.node.runtime.add_image(image));
        machine
    }
}

/// One run that nobody stopped, with a snapshot at each of its checkpoints.
pub struct Filmed {
    pub machine: Machine,
    pub ran: Ran,
    pub snapshots: Vec<Snapshot>,
}

/// Runs the whole workflow, one phase at a time, and looks at every checkpoint.
pub fn film(case: &Case) -> Filmed {
    let machine = Machine::new(case);
    let (taken, node) = (Arc::new(Mutex::new(Vec::new())), machine.node.clone());
    let sink = taken.clone();
    let look = move |at: &str| sink.lock().unwrap().push(Snapshot::take(at, &node));
    let ran = machine.run(Ask::with_faults(Faults::none().on_checkpoint(look))).succeeded("the run that is filmed");
    let snapshots = std::mem::take(&mut *taken.lock().unwrap());
    assert!(snapshots.len() > 5 * ran.started().len(), "there are too few checkpoints: {}", snapshots.len());
    Filmed { machine, ran, snapshots }
}
