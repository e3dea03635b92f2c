//! A kernel with mounts, control groups and traces of networking in name only.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::{KernelBackend, KernelError, Mount, NetworkTrace, NetworkTraces, UnmountFlags};

use crate::faults::Calls;

/// What is in the fake kernel; nothing at first.
#[derive(Debug, Clone, Default)]
pub struct KernelFacts {
    /// Its mounts, older ones first.
    pub mounts: Vec<Mount>,
    /// Its control groups of pods, what is in a group before the group.
    pub cgroups: Vec<Utf8PathBuf>,
    /// Processes in these groups that no runtime knows of.
    pub lost: Vec<(Utf8PathBuf, i32)>,
    /// What networking has left.
    pub network: NetworkTraces,
}

/// A kernel in name only.
#[derive(Default)]
pub struct FakeKernel {
    facts: Mutex<KernelFacts>,
    calls: Calls<()>,
}

impl FakeKernel {
    /// Changes what is in it.
    pub fn edit(&self, edit: impl FnOnce(&mut KernelFacts)) {
        edit(&mut self.facts());
    }

    /// What is in it.
    pub fn now(&self) -> KernelFacts {
        self.facts().clone()
    }

    /// What it was told to take away, such as `unmount /var/lib/kubelet/pods/…`.
    pub fn calls(&self) -> Vec<String> {
        self.calls.made()
    }

    /// Lets the nth call from now on that begins with these words fail, counting from 1.
    pub fn fail(&self, call: &str, nth: usize) {
        self.calls.fail(call, nth, ());
    }

    fn facts(&self) -> MutexGuard<'_, KernelFacts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn busy() -> std::io::Error {
    std::io::ErrorKind::ResourceBusy.into()
}

#[async_trait]
impl KernelBackend for FakeKernel {
    async fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        Ok(self.facts().mounts.clone())
    }

    async fn unmount(&self, point: &Utf8Path, _: UnmountFlags) -> Result<(), KernelError> {
        if self.calls.make(format!("unmount {point}")).is_some() {
            return Err(KernelError::Unmount { point: point.to_owned(), source: busy() });
        }
        let mut facts = self.facts();
        if let Some(at) = facts.mounts.iter().rposition(|mount| mount.point == point) {
            facts.mounts.remove(at);
        }
        Ok(())
    }

    async fn pod_cgroups(&self) -> Vec<Utf8PathBuf> {
        self.facts().cgroups.clone()
    }

    async fn processes(&self, cgroup: &Utf8Path) -> Vec<i32> {
        let facts = self.facts();
        facts.lost.iter().filter(|(group, _)| group == cgroup).map(|(_, process)| *process).collect()
    }

    async fn kill(&self, process: i32) -> Result<(), KernelError> {
        if self.calls.make(format!("kill {process}")).is_some() {
            return Err(KernelError::Process { process, source: std::io::ErrorKind::PermissionDenied.into() });
        }
        self.facts().lost.retain(|(_, lost)| *lost != process);
        Ok(())
    }

    async fn remove_cgroup(&self, path: &Utf8Path) -> Result<(), KernelError> {
        let used = self.facts().lost.iter().any(|(group, _)| group.starts_with(path));
        if self.calls.make(format!("remove {path}")).is_some() || used {
            return Err(KernelError::Cgroup { path: path.to_owned(), source: busy() });
        }
        self.facts().cgroups.retain(|group| group != path);
        Ok(())
    }

    async fn network_traces(&self, _: &[String]) -> NetworkTraces {
        self.facts().network.clone()
    }

    async fn remove_network_trace(&self, trace: &NetworkTrace) -> Result<(), KernelError> {
        if self.calls.make(format!("remove {trace}")).is_some() {
            return Err(KernelError::Network {
                trace: trace.to_string(),
                why: "the fake tool was told to fail".into(),
            });
        }
        self.facts().network.found.retain(|found| found != trace);
        Ok(())
    }
}
