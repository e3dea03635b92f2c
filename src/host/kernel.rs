//! What is left in this machine's kernel: mounts, control groups, and what kube-proxy and network plugins made.

pub(crate) mod mounts;
mod network;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::{KernelBackend, KernelError, Mount, NetworkTrace, NetworkTraces, UnmountFlags};
use rustix::io::Errno;
use rustix::mount::UnmountFlags as Flags;
use rustix::process::{Pid, Signal};

/// The kernel that we run on.
#[derive(Debug, Default)]
pub struct HostKernel {}

impl HostKernel {
    /// Makes it; nothing is asked yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {})
    }
}

#[async_trait]
impl KernelBackend for HostKernel {
    async fn mounts(&self) -> Result<Vec<Mount>, KernelError> {
        mounts::read().map_err(|error| KernelError::Mounts { path: mounts::FILE.into(), why: error.to_string() })
    }

    async fn unmount(&self, point: &Utf8Path, flags: UnmountFlags) -> Result<(), KernelError> {
        let place = point.to_owned();
        // A server of a network file system that is gone lets the call hang.
        let work = tokio::task::spawn_blocking(move || unmount(&place, flags));
        let done = match tokio::time::timeout(UNMOUNT_LIMIT, work).await {
            Ok(done) => done.unwrap_or_else(|error| Err(io::Error::other(error))),
            Err(_) => {
                let words = format!("it was not done within {} s; is its server gone?", UNMOUNT_LIMIT.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, words))
            }
        };
        done.map_err(|source| KernelError::Unmount { point: point.to_owned(), source })
    }

    async fn pod_cgroups(&self) -> Vec<Utf8PathBuf> {
        pod_cgroups(Utf8Path::new(CGROUPS))
    }

    async fn processes(&self, cgroup: &Utf8Path) -> Vec<i32> {
        processes(cgroup)
    }

    async fn kill(&self, process: i32) -> Result<(), KernelError> {
        let killed = match Pid::from_raw(process) {
            Some(pid) => rustix::process::kill_process(pid, Signal::KILL),
            None => Err(Errno::INVAL),
        };
        match killed {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(KernelError::Process { process, source: error.into() }),
        }
    }

    async fn remove_cgroup(&self, path: &Utf8Path) -> Result<(), KernelError> {
        match rustix::fs::rmdir(path.as_str()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(KernelError::Cgroup { path: path.to_owned(), source: error.into() }),
        }
    }

    async fn network_traces(&self, bridges: &[String]) -> NetworkTraces {
        network::Tools::find().traces(bridges).await
    }

    async fn remove_network_trace(&self, trace: &NetworkTrace) -> Result<(), KernelError> {
        let removed = network::Tools::find().remove(trace).await;
        removed.map_err(|why| KernelError::Network { trace: trace.to_string(), why })
    }
}

fn unmount(point: &Utf8Path, flags: UnmountFlags) -> io::Result<()> {
    let mut all = Flags::NOFOLLOW;
    all.set(Flags::FORCE, flags.force);
    all.set(Flags::DETACH, flags.detach);
    all.set(Flags::EXPIRE, flags.expire);
    let once = || rustix::mount::unmount(point.as_str(), all);
    match once() {
        // MNT_EXPIRE only marks it at first.
        Err(Errno::AGAIN) if flags.expire => Ok(once()?),
        // It went with another mount of its peer group, or with what was mounted below.
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The groups of pods in every hierarchy, what is in a group before the group.
fn pod_cgroups(top: &Utf8Path) -> Vec<Utf8PathBuf> {
    let directories = |path: &Utf8Path| -> Vec<Utf8PathBuf> {
        let entries = path.read_dir_utf8().into_iter().flatten().flatten();
        let mut found: Vec<_> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.into_path())
            .collect();
        found.sort_unstable();
        found
    };
    fn below(path: Utf8PathBuf, directories: &dyn Fn(&Utf8Path) -> Vec<Utf8PathBuf>, found: &mut Vec<Utf8PathBuf>) {
        directories(&path).into_iter().for_each(|child| below(child, directories, found));
        found.push(path);
    }
    let mut found = Vec::new();
    // Version 2 has one hierarchy, version 1 one for each controller.
    for hierarchy in std::iter::once(top.to_owned()).chain(directories(top)) {
        for name in POD_CGROUPS {
            let group = hierarchy.join(name);
            // A hierarchy's other name is a link, such as `cpu` for `cpu,cpuacct`.
            if rustix::fs::lstat(group.as_str()).is_ok() {
                below(group, &directories, &mut found);
            }
        }
    }
    found
}

/// The processes in a group but this one, which may have been started in a pod. Those of another namespace of processes are listed
/// as 0, and nobody here can name them.
fn processes(cgroup: &Utf8Path) -> Vec<i32> {
    let listed = std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    let own = rustix::process::getpid().as_raw_nonzero().get();
    listed.lines().filter_map(|line| line.parse().ok()).filter(|process| *process > 0 && *process != own).collect()
}

const CGROUPS: &str = "/sys/fs/cgroup";
/// As the kubelet names the group of all pods, for the drivers cgroupfs and systemd.
const POD_CGROUPS: [&str; 2] = ["kubepods", "kubepods.slice"];
/// How long one unmount may take.
const UNMOUNT_LIMIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
