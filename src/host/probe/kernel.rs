//! Finds what the running kernel was built with, where kubeadm looks for it (`system-validators`, `kernel_validator.go`).

use std::io::Read as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use flate2::read::GzDecoder;
use kubewright_node::{KernelConfig, ProbeBackend as _};

use super::{HostProbe, MAX_READ};
use crate::command;

/// Finds it; a kernel that has it in a module is asked for that module, which is unloaded again.
pub(super) async fn config(probe: &HostProbe) -> Result<KernelConfig, String> {
    let candidates = candidates(&probe.kernel_release());
    if let Some(found) = first(probe, &candidates) {
        return found;
    }
    let modprobe = probe.find_in_path("modprobe").ok_or("no file has it, and `modprobe` is not in PATH")?;
    let loaded = command::run(&modprobe, &[MODULE], LIMIT).await.map_err(|error| error.to_string())?;
    if !loaded.ok() {
        return Err(format!("no file has it, and the kernel module `{MODULE}` cannot be loaded: {}", loaded.words()));
    }
    let found = first(probe, &candidates);
    // Whether it can be unloaded changes nothing about what was read.
    let _ = command::run(&modprobe, &["-r", MODULE], LIMIT).await;
    found.unwrap_or_else(|| {
        let paths: Vec<&str> = candidates.iter().map(|path| path.as_str()).collect();
        Err(format!("none of these files is there: {}", paths.join(", ")))
    })
}

/// Where distributions put it.
fn candidates(release: &str) -> Vec<Utf8PathBuf> {
    [
        "/proc/config.gz",
        &format!("/boot/config-{release}"),
        &format!("/usr/src/linux-{release}/.config"),
        "/usr/src/linux/.config",
        &format!("/usr/lib/modules/{release}/config"),
        &format!("/usr/lib/ostree-boot/config-{release}"),
        &format!("/usr/lib/kernel/config-{release}"),
        &format!("/usr/src/linux-headers-{release}/.config"),
        &format!("/lib/modules/{release}/build/.config"),
    ]
    .map(Utf8PathBuf::from)
    .into()
}

fn first(probe: &HostProbe, candidates: &[Utf8PathBuf]) -> Option<Result<KernelConfig, String>> {
    let path = candidates.iter().find(|path| probe.exists(path))?;
    Some(text(probe, path).map(|text| KernelConfig { path: path.clone(), text }))
}

fn text(probe: &HostProbe, path: &Utf8Path) -> Result<String, String> {
    let bytes = probe.bytes(path).ok_or_else(|| format!("`{path}` cannot be read"))?;
    if path.extension() != Some("gz") {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let mut unpacked = Vec::new();
    let read = GzDecoder::new(bytes.as_slice()).take(MAX_READ).read_to_end(&mut unpacked);
    read.map_err(|error| format!("`{path}` cannot be unpacked: {error}"))?;
    Ok(String::from_utf8_lossy(&unpacked).into_owned())
}

/// The module that has it, in kernels with `CONFIG_IKCONFIG=m`.
const MODULE: &str = "configs";
/// How long loading or unloading it may take.
const LIMIT: Duration = Duration::from_secs(1);
