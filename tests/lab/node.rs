//! A node: namespaces for network, mounts, host name and control groups, with a containerd and a kubelet of its own.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use crate::{
    containerd,
    error::{LabError, Result},
    lab::{Lab, Setup},
    layout, network,
    program::{self, end_of, program},
    say,
    wait::{self, Look},
};

/// A node of a lab, running or not.
#[derive(Clone, Debug)]
pub struct Node {
    lab: Lab,
    number: u8,
}

impl Node {
    pub(crate) fn new(lab: Lab, number: u8) -> Self {
        Self { lab, number }
    }

    /// The node's name, which is also its host name.
    pub fn name(&self) -> String {
        format!("node{}", self.number)
    }

    /// The node's address on the lab's network.
    pub fn address(&self) -> String {
        network::address(self.number)
    }

    /// Where the machine sees a file that is private to the node: `/etc/kubernetes/admin.conf`, for example.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir().join("root").join(inside.trim_start_matches('/'))
    }

    /// The kubelet's log.
    pub fn kubelet_log(&self) -> PathBuf {
        self.dir().join("kubelet.log")
    }

    /// Whether the node's namespaces and its first process are there.
    pub fn running(&self) -> bool {
        self.pid().is_some()
    }

    /// Makes the node, without a cluster, unless it is there; its images are loaded when this returns.
    ///
    /// # Errors
    /// When it stands already with other binaries, or does not come up.
    pub fn ensure(&self, setup: &Setup) -> Result<()> {
        let _lock = self.lab.lock()?;
        if self.running() {
            let stands = self.kubernetes()?.unwrap_or_default();
            if stands == setup.kubernetes.dir() {
                // Nothing to do, unless whoever made the node was interrupted here.
                return self.load_images(setup);
            }
            let hint = "run `cargo lab down` first, or choose another `--lab`";
            return Err(LabError::missing(format!("{} runs `{}`", self.name(), stands.display()), hint));
        }
        self.remove_unlocked()?;
        say::step(&format!("making {}", self.name()));
        let made = self.start(setup).and_then(|()| self.load_images(setup));
        if made.is_err() {
            self.stop()?;
        }
        made
    }

    /// Takes the node back to what it was when made: nothing of a cluster is left, images are.
    ///
    /// # Errors
    /// When something does not end or cannot be removed.
    pub fn reset(&self, setup: &Setup) -> Result<()> {
        self.lab.reset(&[self], setup)
    }

    /// The first half of a reset: ends everything, and leaves nothing of a cluster.
    pub(crate) fn clear(&self) -> Result<()> {
        if self.running() {
            // Containers that containerd remembers would come back with it.
            self.run(["systemctl", "stop", "kubelet"])?;
            self.run(["sh", "-c", containerd::REMOVE_CONTAINERS])?;
        }
        self.stop()?;
        for dir in PRIVATE.iter().filter(|dir| **dir != containerd::STORE) {
            layout::empty(&self.path(dir))?;
        }
        for file in ["kubelet.log", "containerd.log", "boot.log", "default-kubelet", "kubelet.wanted", "kubelet.pid"] {
            layout::remove(&self.dir().join(file))?;
        }
        layout::empty(&self.dir().join("home"))
    }

    /// Ends and removes the node; absent is fine.
    ///
    /// # Errors
    /// When a process does not end or a file cannot be removed.
    pub fn remove(&self) -> Result<()> {
        let _lock = self.lab.lock()?;
        self.remove_unlocked()
    }

    /// Loads the images of another release beside those that the node has.
    ///
    /// # Errors
    /// When the node is not running or an archive cannot be imported.
    pub fn load(&self, setup: &Setup) -> Result<()> {
        let _lock = self.lab.lock()?;
        for archive in &setup.archives {
            let import = ["ctr", "-n", "k8s.io", "images", "import"].map(OsStr::new);
            self.run(import.into_iter().chain([archive.as_os_str()]))?;
        }
        Ok(())
    }

    /// A command to be run on the node, with its tools in `PATH` and `KUBECONFIG` set.
    ///
    /// # Errors
    /// When the node is not running.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<Command> {
        let Some(pid) = self.pid() else {
            return Err(LabError::missing(format!("{} is not running", self.name()), "run `cargo lab up`"));
        };
        let mut command = program("sh", ["-c", JOIN_GROUPS, "join"]);
        command.args(self.lab.hierarchy().entrances_of_running(&self.unit())).arg("--");
        command.args(["nsenter", "-t", &pid.to_string(), "-m", "-n", "-u", "-C", "env"]);
        if let Ok(here) = std::env::current_dir() {
            command.arg("-C").arg(here);
        }
        let dir = self.dir();
        let kubernetes = self.kubernetes()?.unwrap_or_default();
        let path = std::env::var("PATH").unwrap_or_default();
        command.arg(format!("NODE_DIR={}", dir.display()));
        command.arg(format!("HOME={}/home", dir.display()));
        command.arg("KUBECONFIG=/etc/kubernetes/admin.conf");
        command.arg(format!("PATH={}/bin:{}:{path}:/usr/sbin:/sbin", dir.display(), kubernetes.display()));
        command.args(words);
        Ok(command)
    }

    /// Runs a command on the node and returns what it printed, whatever its status.
    ///
    /// # Errors
    /// When the node is not running.
    pub fn exec<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<Output> {
        program::capture(&mut self.command(words)?)
    }

    /// Runs a command on the node that must succeed, and returns what it printed to stdout.
    ///
    /// # Errors
    /// When the node is not running or the command fails.
    pub fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<String> {
        let words: Vec<_> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        let out = program::capture(&mut self.command(&words)?)?;
        if out.status.success() {
            return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
        }
        // Nobody wants to read how the node was entered.
        let shown = program(format!("{}:", self.name()), &words);
        Err(program::failed(&shown, &out))
    }

    /// Puts a program, or a new build of it, into the node's `PATH`.
    ///
    /// # Errors
    /// When the link cannot be made.
    pub fn install(&self, binary: &Path) -> Result<()> {
        let name = binary.file_name().unwrap_or_default();
        let link = self.dir().join("bin").join(name);
        layout::remove(&link)?;
        std::os::unix::fs::symlink(binary, &link).map_err(LabError::file("link", &link))
    }

    /// What is known about why a cluster on this node does not come up: the ends of the logs, and the containers.
    pub fn diagnosis(&self) -> String {
        let containers = self.run(["ctr", "-n", "k8s.io", "tasks", "ls"]).unwrap_or_else(|error| error.to_string());
        let mut text = format!("on {}, containers:\n{containers}", self.name());
        text += &format!("the end of kubelet.log:\n{}\n", end_of(&self.kubelet_log(), 15));
        for log in container_logs(&self.path("/var/log/pods")) {
            text += &format!("the end of {}:\n{}\n", log.display(), end_of(&log, 4));
        }
        text
    }

    /// The binaries that the node was made with; `None` when there is no node.
    pub(crate) fn kubernetes(&self) -> Result<Option<PathBuf>> {
        Ok(layout::read(&self.dir().join("kubernetes"))?.map(PathBuf::from))
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.lab.state().join(self.name())
    }

    pub(crate) fn remove_unlocked(&self) -> Result<()> {
        self.stop()?;
        layout::remove(&self.dir())
    }

    fn unit(&self) -> String {
        self.lab.unit(&self.name())
    }

    /// The node's first process, unless the number now belongs to something else.
    fn pid(&self) -> Option<u32> {
        let pid: u32 = layout::read(&self.dir().join("pid")).ok()??.trim().parse().ok()?;
        let own = fs::metadata(format!("/proc/{pid}/ns/net")).ok()?;
        let named = fs::metadata(network::path(&self.unit())).ok()?;
        (own.ino() == named.ino()).then_some(pid)
    }

    /// Ends every process of the node and removes its network; files stay.
    fn stop(&self) -> Result<()> {
        self.lab.hierarchy().remove(&self.unit())?;
        network::remove(&self.unit())?;
        layout::remove(&self.dir().join("pid"))
    }

    /// Makes files, network and groups, starts the first process and waits for containerd.
    fn start(&self, setup: &Setup) -> Result<()> {
        let first = self.boot(setup)?;
        self.await_containerd(first)
    }

    /// Makes files, network and groups, and starts the first process.
    pub(crate) fn boot(&self, setup: &Setup) -> Result<Child> {
        self.write_files(setup)?;
        let unit = self.unit();
        {
            // The first named namespace of a machine makes the directory of all: one at a time.
            let _lock = self.lab.cache().lock("machine")?;
            network::ensure_switch(&self.lab.unit("switch"))?;
            network::ensure_node(&unit, &self.lab.unit("switch"), self.number)?;
            self.lab.hierarchy().make(&unit)?;
        }
        let dir = self.dir();
        let log = layout::create(&dir.join("boot.log"))?;
        let errors = log.try_clone().map_err(LabError::file("open", &dir.join("boot.log")))?;
        let mut boot = program("sh", ["-c", JOIN_GROUPS, "join"]);
        boot.args(self.lab.hierarchy().entrances(&unit)).arg("--").arg("setsid");
        boot.args(["nsenter", &format!("--net={}", network::path(&unit).display())]);
        boot.args(["unshare", "-m", "-u", "-C", "bash"]).arg(dir.join("boot.sh"));
        boot.env("NODE_DIR", &dir).env("NODE_NAME", self.name()).env("NODE_KUBERNETES", setup.kubernetes.dir());
        boot.env("NODE_PRIVATE", PRIVATE.join(" ")).env("NODE_CGROUPS", self.lab.hierarchy().describe());
        boot.env("HOME", dir.join("home")).current_dir("/");
        boot.stdin(Stdio::null()).stdout(log).stderr(errors);
        let line = program::line(&boot);
        boot.spawn().map_err(|source| LabError::Start { line, source })
    }

    /// Waits until containerd answers on a node that was started.
    pub(crate) fn await_containerd(&self, mut first: Child) -> Result<()> {
        let dir = self.dir();
        let ready = || {
            if let Ok(Some(status)) = first.try_wait() {
                let output = program::indented(&end_of(&dir.join("boot.log"), 20));
                return Err(LabError::Command { line: "boot.sh".to_owned(), status: status.to_string(), output });
            }
            if !self.running() {
                return Ok(Look::NotYet("its first process is not up".to_owned()));
            }
            let asked = self.exec(["ctr", "version"])?;
            let said = String::from_utf8_lossy(&asked.stderr).into_owned();
            Ok(if asked.status.success() { Look::Done } else { Look::NotYet(said) })
        };
        let cause = || format!("{}\n{}", end_of(&dir.join("boot.log"), 20), end_of(&dir.join("containerd.log"), 20));
        wait::until(&format!("containerd on {}", self.name()), Duration::from_secs(60), ready, cause)
    }

    fn write_files(&self, setup: &Setup) -> Result<()> {
        let dir = self.dir();
        for private in PRIVATE {
            layout::make_dir(&self.path(private))?;
            self.lab.ensure_mount_point(Path::new(private))?;
        }
        layout::make_dir(&dir.join("home"))?;
        let hosts: String = (1..=9).map(|n| format!("{} node{n}\n", network::address(n))).collect();
        layout::write(&dir.join("hosts"), format!("127.0.0.1 localhost\n{hosts}"))?;
        // A port that is closed answers at once, where a name server out of reach would take its time.
        layout::write(&dir.join("resolv.conf"), "nameserver 127.0.0.1\n")?;
        layout::write(&dir.join("containerd.toml"), containerd::settings(&setup.kubernetes)?)?;
        layout::write(&self.path("/etc/cni/net.d/10-lab.conflist"), network::cni(self.number))?;
        layout::write(&dir.join("kubernetes"), setup.kubernetes.dir().display().to_string())?;
        layout::write(&dir.join("boot.sh"), include_str!("inside/boot.sh"))?;
        let systemctl = dir.join("bin/systemctl");
        layout::write(&systemctl, include_str!("inside/systemctl"))?;
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755))
            .map_err(LabError::file("make executable", &systemctl))
    }

    fn load_images(&self, setup: &Setup) -> Result<()> {
        let record = self.dir().join("images");
        let wanted: String = setup.archives.iter().map(|archive| format!("{}\n", archive.display())).collect();
        if layout::read(&record)?.as_ref() == Some(&wanted) {
            return Ok(());
        }
        for archive in &setup.archives {
            let import = ["ctr", "-n", "k8s.io", "images", "import"].map(OsStr::new);
            self.run(import.into_iter().chain([archive.as_os_str()]))?;
        }
        layout::write(&record, wanted)
    }
}

/// Logs of the containers of a node's pods, the newest of each.
fn container_logs(pods: &Path) -> Vec<PathBuf> {
    let list = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect::<Vec<_>>();
    let containers: Vec<PathBuf> = list(pods).iter().flat_map(|pod| list(pod)).collect();
    let mut newest: Vec<PathBuf> = containers.iter().filter_map(|dir| list(dir).into_iter().max()).collect();
    newest.sort();
    newest
}

/// Directories that a node has to itself.
///
/// All of `/run`, since containerd, CNI and iptables keep their state there.
const PRIVATE: &[&str] = &[
    "/etc/cni/net.d",
    "/etc/kubernetes",
    "/run",
    "/usr/libexec/kubernetes",
    "/var/lib/cni",
    containerd::STORE,
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/kubewright",
    "/var/log/containers",
    "/var/log/pods",
];

/// Moves the shell into the groups whose files come before `--`, and becomes the command after it.
pub(crate) const JOIN_GROUPS: &str =
    r#"while [ "$1" != -- ]; do echo $$ >"$1" || exit 125; shift; done; shift; exec "$@""#;
