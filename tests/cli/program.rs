//! Runs the real binary where it can do no harm: as nobody when the tests run as root, with a home of its own.

use std::fs;
use std::io::{Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

/// `nobody` on Debian; any user without rights would do.
const NOBODY: u32 = 65534;

/// The binary where everybody can run it: where it was built, unless the checkout is in somebody's closed home.
pub static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let built = Path::new(env!("CARGO_BIN_EXE_kubewright"));
    let open = |directory: &Path| fs::metadata(directory).unwrap().permissions().mode() & 0o001 != 0;
    if !is_root() || built.ancestors().skip(1).all(open) {
        return built.to_owned();
    }
    // One copy for all tests of a build: each runs in a process of its own, and nobody would remove the others.
    let modified = fs::metadata(built).unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let copy = std::env::temp_dir().join(format!("kubewright-under-test-{modified}"));
    if !copy.exists() {
        let partial = copy.with_extension(std::process::id().to_string());
        fs::copy(built, &partial).unwrap();
        fs::set_permissions(&partial, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&partial, &copy).unwrap();
    }
    copy
});

/// A directory of its own for one user of the command line.
pub struct Home {
    directory: TempDir,
}

/// What the program said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Home {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        if is_root() {
            chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Self { directory }
    }

    pub fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).unwrap()
    }

    /// Writes a file that the program can read.
    pub fn write(&self, name: &str, text: &str) -> Utf8PathBuf {
        self.write_bytes(name, text.as_bytes())
    }

    /// Writes a file that need not be text.
    pub fn write_bytes(&self, name: &str, bytes: &[u8]) -> Utf8PathBuf {
        let path = self.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// A directory in which the program may write nothing.
    pub fn closed(&self, name: &str) -> Utf8PathBuf {
        let path = self.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
        path
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    /// Runs the program under the name that scripts know.
    pub fn run_as_kubeadm(&self, arguments: &[&str]) -> Said {
        self.run_called("/usr/bin/kubeadm", arguments, &[])
    }

    /// Runs the program with variables in its environment.
    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        self.run_called("kubewright", arguments, environment)
    }

    /// Runs the program as root with the home for its root, which it cannot leave; `None` when the tests have no root.
    pub fn run_inside(&self, arguments: &[&str]) -> Option<Said> {
        if !is_root() {
            return None;
        }
        let mut command = Command::new(&*BINARY);
        command
            .args(["--rootfs", self.path().as_str()])
            .args(arguments)
            .env_clear()
            .env("HOME", "/")
            .stdin(Stdio::null());
        Some(said(command.output().unwrap()))
    }

    /// Starts the program, for those who do something to it meanwhile.
    pub fn start(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Child {
        let mut command = self.command("kubewright", arguments, environment);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs the program under the name that scripts know, with something on its standard input.
    pub fn run_as_kubeadm_saying(&self, arguments: &[&str], words: &str) -> Said {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(words.as_bytes()).unwrap();
        file.rewind().unwrap();
        said(self.command("/usr/bin/kubeadm", arguments, &[]).stdin(file).output().unwrap())
    }

    fn run_called(&self, name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        said(self.command(name, arguments, environment).output().unwrap())
    }

    fn command(&self, name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(&*BINARY);
        command.arg0(name);
        command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("COLUMNS", "100");
        command.env("HOME", self.path()).env("XDG_STATE_HOME", self.path().join("state"));
        command.envs(environment.iter().copied()).current_dir(self.path()).stdin(Stdio::null());
        if is_root() {
            command.gid(NOBODY).uid(NOBODY);
        }
        command
    }

    /// What is in the home, without the program's state.
    pub fn tree(&self) -> std::collections::BTreeMap<String, String> {
        let mut tree = kubewright_testkit::tree(self.path());
        tree.retain(|path, _| !path.starts_with("/state"));
        tree
    }
}

/// What a program that has ended said.
pub fn said(Output { status, stdout, stderr }: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}
