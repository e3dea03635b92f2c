//! Trees and the kernel of a dry run: what is there is real, and what would be taken away is remembered, so that nobody is
//! told of it twice.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};

use crate::kernel::{KernelBackend, KernelError, Mount, NetworkTrace, NetworkTraces, UnmountFlags};
use crate::trees::{Cleared, Target, TreeBackend, TreeError};

/// Trees that go in name only.
pub(super) struct DryTrees {
    real: Arc<dyn TreeBackend>,
    gone: Mutex<BTreeSet<Target>>,
}

impl DryTrees {
    pub(super) fn new(real: Arc<dyn TreeBackend>) -> Self {
        Self { real, gone: Mutex::default() }
    }

    fn gone(&self) -> MutexGuard<'_, BTreeSet<Target>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TreeBackend for DryTrees {
    async fn resolve(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, TreeError> {
        self.real.resolve(path).await
    }

    async fn look(&self, target: &Target) -> Result<Cleared, TreeError> {
        if self.gone().contains(target) {
            return Ok(Cleared::default());
        }
        self.real.look(target).await
    }

    async fn clear(&self, target: &Target) -> Result<Cleared, TreeError> {
        let cleared = self.look(target).await?;
        self.gone().insert(target.clone());
        Ok(cleared)
    }
}

/// A kernel that lets everything go in name only.
pub(super) struct DryKernel {
    real: Arc<dyn KernelBackend>,
    gone: Mutex<Gone>,
}

#[derive(Default)]
struct Gone {
    mounts: Vec<Utf8PathBuf>,
    cgroups: BTreeSet<Utf8PathBuf>,
}

impl DryKernel {
    pub(super) fn new(real: Arc<dyn KernelBackend>) -> Self {
        Self { real, gone: Mutex::default() }
    }

    fn gone(&self) -> MutexGuard<'_, Gone> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KernelBackend for DryKernel {
    async fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        let mut mounts = self.real.mounts().await?;
        for point in &self.gone().mounts {
            // The topmost one goes first.
            if let Some(at) = mounts.iter().rposition(|mount| mount.point == *point) {
                mounts.remove(at);
            }
        }
        Ok(mounts)
    }

    async fn unmount(&self, point: &Utf8Path, _: UnmountFlags) -> Result<(), KernelError> {
        self.gone().mounts.push(point.to_owned());
        Ok(())
    }

    async fn pod_cgroups(&self) -> Vec<Utf8PathBuf> {
        let mut groups = self.real.pod_cgroups().await;
        groups.retain(|group| !self.gone().cgroups.contains(group));
        groups
    }

    /// None: those that are there belong to pods that are told already.
    async fn processes(&self, _: &Utf8Path) -> Vec<i32> {
        Vec::new()
    }

    async fn kill(&self, _: i32) -> Result<(), KernelError> {
        Ok(())
    }

    async fn remove_cgroup(&self, path: &Utf8Path) -> Result<(), KernelError> {
        self.gone().cgroups.insert(path.to_owned());
        Ok(())
    }

    async fn network_traces(&self, bridges: &[String]) -> NetworkTraces {
        self.real.network_traces(bridges).await
    }

    async fn remove_network_trace(&self, _: &NetworkTrace) -> Result<(), KernelError> {
        Ok(())
    }
}
