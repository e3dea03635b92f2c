//! Read-only facts about the machine: what preflight checks and dynamic defaults look at.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::Capability;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{Node, NodeSession};

/// One network interface.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// It is up.
    pub up: bool,
    /// It is the loopback interface.
    pub loopback: bool,
    /// It is a point-to-point link.
    pub point_to_point: bool,
    /// Its addresses, in the kernel's order.
    pub addresses: Vec<IpAddr>,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, wherever it leads.
    Link,
    /// A socket, a FIFO or a device.
    Other,
}

/// What a health endpoint said.
#[derive(Debug, Clone)]
pub struct HealthAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The beginning of the body.
    pub body: String,
}

/// One question to a server that need not be on this machine, such as a member of an external etcd.
///
/// It has no `Debug`: there may be a private key in it.
pub struct Question {
    /// What to get, such as `https://10.0.0.5:2379/version`.
    pub url: String,
    /// The authorities that may have signed the server's certificate, as PEM; the machine's own where there are none.
    pub authorities: Option<Vec<u8>>,
    /// Our certificate and its key, as PEM, one after the other.
    pub identity: Option<Zeroizing<Vec<u8>>>,
    /// How long everything may take, from the look-up of the name to the last byte.
    pub limit: Duration,
}

/// What a server answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Date`, as it was sent.
    pub date: Option<String>,
    /// The beginning of the body.
    pub body: String,
}

/// What the running kernel was built with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelConfig {
    /// Where it was found.
    pub path: Utf8PathBuf,
    /// Its lines, such as `CONFIG_MEMCG=y`.
    pub text: String,
}

/// The machine, read-only.
#[async_trait]
pub trait ProbeBackend: Send + Sync {
    /// The effective user: 0 is root.
    fn effective_uid(&self) -> u32;
    /// The processors that this process may use.
    fn cpus(&self) -> usize;
    /// The machine's memory in MiB.
    fn memory_mib(&self) -> u64;
    /// The host's name as the kernel knows it, in lower case.
    fn hostname(&self) -> String;
    /// The kernel's name: `Linux`.
    fn kernel_name(&self) -> String;
    /// The kernel's release, such as `6.1.0-13-amd64`.
    fn kernel_release(&self) -> String;
    /// What the running kernel was built with, from wherever distributions put it; says why when it is nowhere. A
    /// kernel module that this needs is gone afterwards. At most 2 s.
    async fn kernel_config(&self) -> Result<KernelConfig, String>;
    /// The network interfaces.
    fn interfaces(&self) -> Vec<Interface>;
    /// Reads a file as text, such as one under `/proc`; `None` when it is absent or unreadable. At most 4 MiB.
    fn read(&self, path: &Utf8Path) -> Option<String>;
    /// The names in a directory, sorted; `None` when there is no such directory.
    fn list(&self, path: &Utf8Path) -> Option<Vec<String>>;
    /// What stands at the path itself: a link is not followed. `None` when nothing does.
    fn entry(&self, path: &Utf8Path) -> Option<Entry>;
    /// Whether anything stands at the path.
    fn exists(&self, path: &Utf8Path) -> bool;
    /// When the file was last changed; `None` when it is absent.
    fn modified(&self, path: &Utf8Path) -> Option<OffsetDateTime>;
    /// Whether this process could write a file there: the nearest existing parent directory is writable.
    fn writable(&self, path: &Utf8Path) -> std::io::Result<()>;
    /// Listens on all addresses at the TCP port and lets go at once.
    fn try_listen(&self, port: u16) -> std::io::Result<()>;
    /// Where the binary is in PATH.
    fn find_in_path(&self, binary: &str) -> Option<Utf8PathBuf>;
    /// Our environment: every variable with its value.
    fn environment(&self) -> Vec<(String, String)>;
    /// Whether somebody listens at the unix socket.
    fn socket_answers(&self, path: &Utf8Path) -> bool;
    /// Runs `binary --version` and gives what it prints; at most 5 s.
    async fn version_of(&self, binary: &str) -> std::io::Result<String>;
    /// The cgroup driver that Docker says it has, such as `systemd`; at most 2 s.
    async fn docker_cgroup_driver(&self) -> std::io::Result<String>;
    /// Looks a name up, and gives up after the limit.
    async fn resolve(&self, host: &str, limit: Duration) -> std::io::Result<Vec<IpAddr>>;
}

/// Asks health endpoints on this machine, and servers elsewhere.
#[async_trait]
pub trait HealthBackend: Send + Sync {
    /// Gets the URL without verifying a certificate; at most 10 s and 64 KiB. Never used with credentials.
    async fn get(&self, url: &str) -> Result<HealthAnswer, String>;
    /// Asks a server, whose certificate is verified, through a proxy if the environment wants one; at most 64 KiB.
    async fn ask(&self, question: Question) -> Result<ServerAnswer, String>;
    /// The certificate, in DER, that a TLS server shows, such as `127.0.0.1:2379`. Nothing is sent but a greeting: no
    /// credentials, no request. Nobody vouches for the certificate; that the server has its key is proven. At most 5 s.
    async fn certificate(&self, address: &str) -> Result<Vec<u8>, String>;
    /// Whether the server shows just this certificate, in DER.
    async fn serves(&self, address: &str, certificate: &[u8]) -> Result<bool, String> {
        Ok(self.certificate(address).await? == certificate)
    }
}

/// The power to look at the machine; it changes nothing.
#[derive(Clone)]
pub struct Probe {
    backend: Arc<dyn ProbeBackend>,
    health: Arc<dyn HealthBackend>,
}

impl Capability<Node> for Probe {
    const NAME: &'static str = "probe";

    fn of(session: &NodeSession) -> Self {
        Self { backend: Arc::clone(&session.backends.probe), health: Arc::clone(&session.backends.health) }
    }
}

impl std::ops::Deref for Probe {
    type Target = dyn ProbeBackend;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

impl Probe {
    /// Gets a health URL without verifying a certificate.
    pub async fn health(&self, url: &str) -> Result<HealthAnswer, String> {
        self.health.get(url).await
    }

    /// Asks a server that need not be on this machine, and verifies its certificate.
    pub async fn ask(&self, question: Question) -> Result<ServerAnswer, String> {
        self.health.ask(question).await
    }

    /// Whether a TLS server shows just this certificate, in DER.
    pub async fn serves(&self, address: &str, certificate: &[u8]) -> Result<bool, String> {
        self.health.serves(address, certificate).await
    }
}
