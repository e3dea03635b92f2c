//! Facts about this machine. Looks only; whatever a look needs (a port, a thread, a process) is gone afterwards.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::{Entry, Interface, KernelConfig, ProbeBackend};
use nix::net::if_::InterfaceFlags;
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use time::OffsetDateTime;

use crate::command;
use crate::root::Root;

mod kernel;

/// This machine, read-only.
pub struct HostProbe {
    root: Root,
    path: OsString,
}

impl HostProbe {
    /// Looks at this machine; paths are looked up under the root.
    pub fn new(root: Root) -> Arc<Self> {
        Arc::new(Self { root, path: std::env::var_os("PATH").unwrap_or_default() })
    }

    fn place(&self, path: &Utf8Path) -> io::Result<Utf8PathBuf> {
        // Under `/` the kernel follows links itself, also those that lead nowhere by name, as in /proc.
        match self.root == Root::system() {
            true => Ok(path.to_owned()),
            false => self.root.resolve(path).map(|path| self.root.place(&path)),
        }
    }

    /// Reads a regular file; `None` when it is absent, unreadable or too large.
    fn bytes(&self, path: &Utf8Path) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::open(self.place(path).ok()?.as_str(), flags, Mode::empty()).ok()?;
        if FileType::from_raw_mode(rustix::fs::fstat(&file).ok()?.st_mode) != FileType::RegularFile {
            return None;
        }
        let mut bytes = Vec::new();
        std::fs::File::from(file).take(MAX_READ + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= MAX_READ).then_some(bytes)
    }
}

#[async_trait]
impl ProbeBackend for HostProbe {
    fn effective_uid(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn cpus(&self) -> usize {
        // kubeadm counts the processors of the affinity mask; a quota of the control group does not count.
        rustix::thread::sched_getaffinity(None).map_or(1, |set| usize::try_from(set.count()).unwrap_or(1))
    }

    fn memory_mib(&self) -> u64 {
        let info = rustix::system::sysinfo();
        info.totalram.saturating_mul(u64::from(info.mem_unit)) / (1024 * 1024)
    }

    fn hostname(&self) -> String {
        rustix::system::uname().nodename().to_string_lossy().trim().to_lowercase()
    }

    fn kernel_name(&self) -> String {
        rustix::system::uname().sysname().to_string_lossy().into_owned()
    }

    fn kernel_release(&self) -> String {
        rustix::system::uname().release().to_string_lossy().into_owned()
    }

    async fn kernel_config(&self) -> Result<KernelConfig, String> {
        kernel::config(self).await
    }

    fn interfaces(&self) -> Vec<Interface> {
        let mut interfaces: Vec<Interface> = Vec::new();
        let mut index = BTreeMap::new();
        // One entry for each address, and one without for each interface; the kernel's order.
        for entry in nix::ifaddrs::getifaddrs().into_iter().flatten() {
            let at = *index.entry(entry.interface_name.clone()).or_insert_with(|| {
                interfaces.push(Interface {
                    name: entry.interface_name.clone(),
                    up: entry.flags.contains(InterfaceFlags::IFF_UP),
                    loopback: entry.flags.contains(InterfaceFlags::IFF_LOOPBACK),
                    point_to_point: entry.flags.contains(InterfaceFlags::IFF_POINTOPOINT),
                    addresses: Vec::new(),
                });
                interfaces.len() - 1
            });
            let address = entry.address.and_then(|address| {
                let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
                v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
            });
            interfaces[at].addresses.extend(address);
        }
        interfaces
    }

    fn read(&self, path: &Utf8Path) -> Option<String> {
        self.bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn list(&self, path: &Utf8Path) -> Option<Vec<String>> {
        let entries = std::fs::read_dir(self.place(path).ok()?).ok()?;
        let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        Some(names)
    }

    fn entry(&self, path: &Utf8Path) -> Option<Entry> {
        let place = match (path.parent(), path.file_name()) {
            // Under a tree of its own only the last link is left alone, as the kernel does.
            (Some(parent), Some(name)) if self.root != Root::system() => self.place(parent).ok()?.join(name),
            _ => self.place(path).ok()?,
        };
        let stat = rustix::fs::lstat(place.as_str()).ok()?;
        Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Entry::File,
            FileType::Directory => Entry::Directory,
            FileType::Symlink => Entry::Link,
            _ => Entry::Other,
        })
    }

    fn exists(&self, path: &Utf8Path) -> bool {
        self.place(path).is_ok_and(|place| rustix::fs::stat(place.as_str()).is_ok())
    }

    fn modified(&self, path: &Utf8Path) -> Option<OffsetDateTime> {
        let stat = rustix::fs::stat(self.place(path).ok()?.as_str()).ok()?;
        OffsetDateTime::from_unix_timestamp(stat.st_mtime).ok()
    }

    fn writable(&self, path: &Utf8Path) -> io::Result<()> {
        let place = self.place(path)?;
        // A file is replaced by rename, so what counts is the directory that it is in.
        for (depth, candidate) in place.ancestors().enumerate() {
            match rustix::fs::stat(candidate.as_str()) {
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                    let wanted = Access::WRITE_OK | Access::EXEC_OK;
                    return Ok(rustix::fs::accessat(CWD, candidate.as_str(), wanted, AtFlags::EACCESS)?);
                }
                Ok(_) if depth == 0 => continue,
                Ok(_) => return Err(Errno::NOTDIR.into()),
            }
        }
        Err(Errno::NOENT.into())
    }

    fn try_listen(&self, port: u16) -> io::Result<()> {
        match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)) {
            // A kernel without IPv6.
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL)) => {}
            other => drop(other?),
        }
        // Where the kernel keeps the two families apart, the first said nothing about this one.
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).map(drop)
    }

    fn find_in_path(&self, binary: &str) -> Option<Utf8PathBuf> {
        command::find(binary, &self.path)
    }

    fn environment(&self) -> Vec<(String, String)> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    fn socket_answers(&self, path: &Utf8Path) -> bool {
        let connect = || -> rustix::io::Result<()> {
            let place = self.place(path).map_err(|_| Errno::NOENT)?;
            let address = SocketAddrUnix::new(place.as_str())?;
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            rustix::net::connect(&socket, &address)
        };
        // AGAIN: so many are waiting already that nobody more may; there is somebody.
        matches!(connect(), Ok(()) | Err(Errno::AGAIN))
    }

    async fn version_of(&self, binary: &str) -> io::Result<String> {
        let program = match binary.contains('/') {
            true => Some(Utf8PathBuf::from(binary)),
            false => self.find_in_path(binary),
        };
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("`{binary}` is not in PATH"));
        let ended = command::run(&program.ok_or_else(missing)?, &["--version"], VERSION_LIMIT).await?;
        match ended.ok() {
            true => Ok(ended.stdout.trim().to_owned()),
            false => Err(io::Error::other(format!("`{binary} --version` failed: {}", ended.words()))),
        }
    }

    async fn docker_cgroup_driver(&self) -> io::Result<String> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "`docker` is not in PATH");
        let program = self.find_in_path("docker").ok_or_else(missing)?;
        let ended = command::run(&program, &["info", "--format", "{{.CgroupDriver}}"], SHORT_LIMIT).await?;
        match ended.ok() {
            true => Ok(ended.stdout.trim().to_owned()),
            false => Err(io::Error::other(format!("`docker info` failed: {}", ended.words()))),
        }
    }

    async fn resolve(&self, host: &str, limit: Duration) -> io::Result<Vec<IpAddr>> {
        let name = host.to_owned();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        // A thread that nobody waits for: the resolver cannot be stopped, and the runtime waits for its own threads.
        std::thread::Builder::new().name("resolver".into()).spawn(move || {
            let found =
                (name.as_str(), 0).to_socket_addrs().map(|addresses| addresses.map(|address| address.ip()).collect());
            let _: Result<(), io::Result<Vec<IpAddr>>> = sender.send(found);
        })?;
        let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs_f64()));
        let answer = tokio::time::timeout(limit, receiver).await.map_err(|_| late())?;
        let mut addresses = answer.map_err(|_| io::Error::other("the resolver's thread ended"))??;
        // One line for each kind of socket would be the same address again.
        let mut seen = std::collections::HashSet::new();
        addresses.retain(|address| seen.insert(*address));
        Ok(addresses)
    }
}

/// The most that is read of one file, in bytes.
const MAX_READ: u64 = 4 * 1024 * 1024;
/// How long a program may take to say its version: the kubelet is large, and read from a cold disk the first time.
const VERSION_LIMIT: Duration = Duration::from_secs(5);
/// How long any other program may take.
const SHORT_LIMIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
