//! A machine that is whatever the test says.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::{Entry, Interface, KernelConfig, ProbeBackend};
use time::OffsetDateTime;

/// The facts of a made-up machine. At first it is fit for a control plane.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The effective user.
    pub uid: u32,
    /// Its processors.
    pub cpus: usize,
    /// Its memory in MiB.
    pub memory_mib: u64,
    /// Its name.
    pub hostname: String,
    /// Its kernel's name.
    pub kernel_name: String,
    /// Its kernel's release.
    pub kernel_release: String,
    /// What its kernel was built with; `None` where nobody knows.
    pub kernel_config: Option<String>,
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
    /// Files that can be read, such as those under `/proc`. Directories are derived from them.
    pub files: BTreeMap<Utf8PathBuf, String>,
    /// Directories that are there though no file is in them.
    pub directories: BTreeSet<Utf8PathBuf>,
    /// Paths that are symbolic links.
    pub links: BTreeSet<Utf8PathBuf>,
    /// When files were changed; of others nobody knows.
    pub modified: BTreeMap<Utf8PathBuf, OffsetDateTime>,
    /// Directories under which nothing can be written.
    pub read_only: BTreeSet<Utf8PathBuf>,
    /// TCP ports at which somebody listens.
    pub ports_taken: BTreeSet<u16>,
    /// Programs in PATH, with what `--version` prints. They are all in `/usr/bin`.
    pub binaries: BTreeMap<String, String>,
    /// What Docker says its cgroup driver is, if it is there.
    pub docker_cgroup_driver: Option<String>,
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// Unix sockets at which somebody listens.
    pub sockets: BTreeSet<Utf8PathBuf>,
    /// What names resolve to; others do not resolve.
    pub names: BTreeMap<String, Vec<IpAddr>>,
}

impl Default for Machine {
    fn default() -> Self {
        let interface = |name: &str, loopback, address: [u8; 4]| Interface {
            name: name.into(),
            up: true,
            loopback,
            point_to_point: false,
            addresses: vec![IpAddr::from(address)],
        };
        let hostname = "node1";
        let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let binaries: BTreeMap<String, String> = BINARIES.iter().map(|name| ((*name).into(), String::new())).collect();
        let mut machine = Self {
            uid: 0,
            cpus: 4,
            memory_mib: 8192,
            hostname: hostname.into(),
            kernel_name: "Linux".into(),
            kernel_release: "6.1.0-13-amd64".into(),
            kernel_config: Some(KERNEL_OPTIONS.iter().map(|name| format!("CONFIG_{name}=y\n")).collect()),
            interfaces: vec![interface("lo", true, [127, 0, 0, 1]), interface("eth0", false, [192, 0, 2, 10])],
            files: FILES.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect(),
            directories: BTreeSet::new(),
            links: BTreeSet::new(),
            modified: BTreeMap::new(),
            read_only: BTreeSet::new(),
            ports_taken: BTreeSet::new(),
            binaries,
            docker_cgroup_driver: None,
            environment: text(&[("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")]),
            sockets: BTreeSet::from(["/var/run/containerd/containerd.sock".into()]),
            names: BTreeMap::from([(hostname.into(), vec![IpAddr::from([192, 0, 2, 10])])]),
        };
        machine.binaries.insert("kubelet".into(), "Kubernetes v1.36.2".into());
        machine
    }
}

/// A machine in name only.
#[derive(Default)]
pub struct FakeProbe(Mutex<Machine>);

impl FakeProbe {
    /// Changes the machine.
    pub fn edit(&self, edit: impl FnOnce(&mut Machine)) {
        edit(&mut self.lock());
    }

    /// The machine as it is now.
    pub fn machine(&self) -> Machine {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ProbeBackend for FakeProbe {
    fn effective_uid(&self) -> u32 {
        self.lock().uid
    }

    fn cpus(&self) -> usize {
        self.lock().cpus
    }

    fn memory_mib(&self) -> u64 {
        self.lock().memory_mib
    }

    fn hostname(&self) -> String {
        self.lock().hostname.to_lowercase()
    }

    fn kernel_name(&self) -> String {
        self.lock().kernel_name.clone()
    }

    fn kernel_release(&self) -> String {
        self.lock().kernel_release.clone()
    }

    async fn kernel_config(&self) -> Result<KernelConfig, String> {
        let text = self.lock().kernel_config.clone().ok_or("no file has it")?;
        Ok(KernelConfig { path: "/proc/config.gz".into(), text })
    }

    fn interfaces(&self) -> Vec<Interface> {
        self.lock().interfaces.clone()
    }

    fn read(&self, path: &Utf8Path) -> Option<String> {
        self.lock().files.get(path).cloned()
    }

    fn list(&self, path: &Utf8Path) -> Option<Vec<String>> {
        let machine = self.lock();
        let below = machine.files.keys().chain(&machine.directories).filter_map(|file| file.strip_prefix(path).ok());
        let names: BTreeSet<String> = below.filter_map(|rest| rest.iter().next().map(str::to_owned)).collect();
        (!names.is_empty() || machine.directories.contains(path)).then(|| names.into_iter().collect())
    }

    fn entry(&self, path: &Utf8Path) -> Option<Entry> {
        let machine = self.lock();
        match path {
            _ if machine.files.contains_key(path) => Some(Entry::File),
            _ if machine.links.contains(path) => Some(Entry::Link),
            _ if machine.sockets.contains(path) => Some(Entry::Other),
            _ => {
                let mut known = machine.files.keys().chain(&machine.directories);
                known.any(|known| known.starts_with(path)).then_some(Entry::Directory)
            }
        }
    }

    fn exists(&self, path: &Utf8Path) -> bool {
        let machine = self.lock();
        let mut known = machine.files.keys().chain(&machine.directories).chain(&machine.sockets);
        known.any(|known| known.starts_with(path))
    }

    fn modified(&self, path: &Utf8Path) -> Option<OffsetDateTime> {
        self.lock().modified.get(path).copied()
    }

    fn writable(&self, path: &Utf8Path) -> io::Result<()> {
        match self.lock().read_only.iter().any(|closed| path.starts_with(closed)) {
            true => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            false => Ok(()),
        }
    }

    fn try_listen(&self, port: u16) -> io::Result<()> {
        match self.lock().ports_taken.contains(&port) {
            true => Err(io::ErrorKind::AddrInUse.into()),
            false => Ok(()),
        }
    }

    fn find_in_path(&self, binary: &str) -> Option<Utf8PathBuf> {
        self.lock().binaries.contains_key(binary).then(|| Utf8PathBuf::from("/usr/bin").join(binary))
    }

    fn environment(&self) -> Vec<(String, String)> {
        self.lock().environment.clone()
    }

    fn socket_answers(&self, path: &Utf8Path) -> bool {
        self.lock().sockets.contains(path)
    }

    async fn version_of(&self, binary: &str) -> io::Result<String> {
        let name = binary.rsplit('/').next().unwrap_or(binary);
        self.lock().binaries.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    async fn docker_cgroup_driver(&self) -> io::Result<String> {
        self.lock().docker_cgroup_driver.clone().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    async fn resolve(&self, host: &str, _: Duration) -> io::Result<Vec<IpAddr>> {
        let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("`{host}` does not resolve"));
        self.lock().names.get(host).cloned().ok_or_else(unknown)
    }
}

/// The programs that preflight looks for.
const BINARIES: &[&str] = &[
    "crictl",
    "conntrack",
    "containerd",
    "cp",
    "ebtables",
    "ethtool",
    "ip",
    "iptables",
    "kubelet",
    "losetup",
    "mount",
    "nsenter",
    "socat",
    "systemctl",
    "tc",
    "touch",
];

/// What preflight wants of a kernel.
const KERNEL_OPTIONS: &[&str] = &[
    "NAMESPACES",
    "NET_NS",
    "PID_NS",
    "IPC_NS",
    "UTS_NS",
    "CPUSETS",
    "MEMCG",
    "INET",
    "EXT4_FS",
    "PROC_FS",
    "NETFILTER_XT_TARGET_REDIRECT",
    "NETFILTER_XT_MATCH_COMMENT",
    "FAIR_GROUP_SCHED",
    "CGROUPS",
    "CGROUP_BPF",
    "CGROUP_CPUACCT",
    "CGROUP_DEVICE",
    "CGROUP_FREEZER",
    "CGROUP_PIDS",
    "CGROUP_SCHED",
];

/// What preflight and defaults read.
const FILES: &[(&str, &str)] = &[
    ("/proc/sys/net/ipv4/ip_forward", "1\n"),
    ("/proc/sys/net/ipv6/conf/default/forwarding", "1\n"),
    ("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n"),
    ("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "1\n"),
    ("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
    ("/proc/filesystems", "nodev\tsysfs\nnodev\tcgroup2\nnodev\toverlay\n\text4\n"),
    ("/proc/modules", "overlay 151552 0 - Live 0x0\nbr_netfilter 32768 0 - Live 0x0\n"),
    ("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n"),
    ("/sys/fs/cgroup/init.scope/cgroup.freeze", "0\n"),
    ("/etc/resolv.conf", "search example.net\nnameserver 192.0.2.53\n"),
    ("/proc/cgroups", CGROUPS),
    ("/proc/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime 0 0\n"),
    ("/proc/net/route", ROUTES),
    ("/proc/net/ipv6_route", ""),
    (
        "/proc/self/mountinfo",
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw\n",
    ),
];

const CGROUPS: &str = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
    cpuset\t0\t80\t1\ncpu\t0\t80\t1\ncpuacct\t0\t80\t1\nblkio\t0\t80\t1\nmemory\t0\t80\t1\ndevices\t0\t80\t1\n\
    freezer\t0\t80\t1\nhugetlb\t0\t80\t1\npids\t0\t80\t1\n";

const ROUTES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
    eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
    eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
