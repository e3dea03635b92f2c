//! The Debian packages that the lab needs: installed when missing, and only then.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    error::{LabError, Result},
    layout::{self, Cache},
    program::{output, program, show},
    say,
};

/// What a node and the images on it are made of.
pub(crate) const NODE: &[&str] = &[
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "ebtables",
    "etcd-client",
    "etcd-server",
    "ethtool",
    "haproxy",
    "iproute2",
    "iptables",
    "kmod",
    "libfaketime",
    "runc",
    "socat",
    "strace",
    "util-linux",
];

/// What building Kubernetes from Debian's source package takes.
pub(crate) const BUILD: &[&str] =
    &["dpkg-dev", "gcc", "golang-1.19-go", "golang-github-modern-go-reflect2-dev", "libc6-dev"];

/// Installs those of the packages that are missing.
///
/// Services that come with a package are not started: the machine's own etcd or containerd would be in nobody's way,
/// but nobody asked for it either.
pub(crate) fn ensure(cache: &Cache, names: &[&str]) -> Result<()> {
    let _lock = cache.lock("packages")?;
    let missing = missing(names)?;
    if missing.is_empty() {
        return Ok(());
    }
    say::step(&format!("installing from Debian: {}", missing.join(" ")));
    let policy = NoServices::set()?;
    let apt = |words: &[&str]| {
        let mut command = program("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=300"]);
        // The answer of the program is talk, so it must not go to stdout.
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr());
        command
    };
    show(&mut apt(&["update"]))?;
    show(apt(&["install", "-y", "--no-install-recommends"]).args(&missing))?;
    drop(policy);
    Ok(())
}

/// Those of the packages that are not installed.
fn missing(names: &[&str]) -> Result<Vec<String>> {
    let mut query = program("dpkg-query", ["-W", "-f", "${Package} ${db:Status-Status}\\n"]);
    let found = match crate::program::capture(query.args(names)) {
        // Its status tells only that one of them is unknown; the list is complete all the same.
        Ok(out) => String::from_utf8_lossy(&out.stdout).into_owned(),
        Err(_) => {
            return Err(LabError::missing("this machine has no dpkg-query", "the lab runs on Debian 12"));
        }
    };
    Ok(not_installed(names, &found))
}

fn not_installed(names: &[&str], listing: &str) -> Vec<String> {
    let installed: Vec<&str> = listing.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    names.iter().filter(|name| !installed.contains(name)).map(|name| (*name).to_owned()).collect()
}

/// While it lives, Debian's package scripts start no service.
struct NoServices {
    made: Option<PathBuf>,
}

impl NoServices {
    fn set() -> Result<Self> {
        let path = Path::new("/usr/sbin/policy-rc.d");
        if path.exists() {
            return Ok(Self { made: None });
        }
        layout::write(path, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
            .map_err(LabError::file("make executable", path))?;
        Ok(Self { made: Some(path.to_owned()) })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(path) = &self.made {
            // Nothing to do about a failure here but to leave the file.
            let _ = fs::remove_file(path);
        }
    }
}

/// Whether the lab runs as root.
pub(crate) fn is_root() -> Result<bool> {
    Ok(output(&mut program("id", ["-u"]))?.trim() == "0")
}

/// Fails with a plain word unless the lab runs as root.
pub(crate) fn require_root() -> Result<()> {
    if is_root()? {
        return Ok(());
    }
    Err(LabError::missing("the lab's nodes need root", "run it as root, or `cargo lab test --no-cluster`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_counts_as_missing() {
        let listing = "containerd installed\nrunc config-files\n";
        assert_eq!(not_installed(&["containerd", "runc", "etcd-server"], listing), ["runc", "etcd-server"]);
    }
}
