//! Which mounts below the kubelet's directory the kubelet and its pods made. Pure.
//!
//! The kubelet mounts below `pods/UID/volumes` (tmpfs, projected, network file systems, CSI), `pods/UID/volume-subpaths`
//! and `pods/UID/volumeDevices`; it and CSI drivers below `plugins/kubernetes.io`, which each device is mounted at first.
//! Pods with `mountPropagation: Bidirectional` mount below their volumes. Everything else is somebody else's, such as a
//! disk that an administrator mounted at `/var/lib/kubelet/pods`.

use camino::{Utf8Component, Utf8Path};

/// Whether a mount below the kubelet's directory is the kubelet's or its pods'.
pub fn made_by_kubelet(directory: &Utf8Path, point: &Utf8Path) -> bool {
    let Ok(below) = point.strip_prefix(directory) else { return false };
    let mut parts = below.components();
    if parts.clone().any(|part| !matches!(part, Utf8Component::Normal(_))) {
        return false;
    }
    let mut next = || parts.next().map(|part| part.as_str());
    match (next(), next(), next(), next()) {
        (Some("pods"), Some(uid), Some("volumes" | "volume-subpaths" | "volumeDevices"), Some(_)) => is_uid(uid),
        (Some("plugins"), Some("kubernetes.io"), Some(_), _) => true,
        _ => false,
    }
}

/// A pod's number: a UUID, or the digest of a static pod's manifest.
fn is_uid(name: &str) -> bool {
    let hex = name.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes = name.bytes().filter(|byte| *byte == b'-').count();
    hex == 32 && hex + dashes == name.len() && matches!(dashes, 0 | 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_volumes_are_the_kubelets_and_others_are_not() {
        let directory = Utf8Path::new("/var/lib/kubelet");
        let uid = "0f6b1d9c-58a2-4a8e-8d2a-6e0b4d1a7c55";
        for ours in [
            format!("pods/{uid}/volumes/kubernetes.io~projected/kube-api-access-x"),
            format!("pods/{uid}/volumes/kubernetes.io~csi/pvc-1/mount"),
            format!("pods/{uid}/volume-subpaths/data/app/0"),
            format!("pods/{uid}/volumeDevices/kubernetes.io~csi/pvc-1"),
            "pods/0f6b1d9c58a24a8e8d2a6e0b4d1a7c55/volumes/kubernetes.io~empty-dir/x".into(),
            "plugins/kubernetes.io/csi/driver/0a1b/globalmount".into(),
        ] {
            assert!(made_by_kubelet(directory, &directory.join(&ours)), "{ours}");
        }
        for foreign in [
            "pods",
            "backup",
            "pods/backup/volumes/x",
            &format!("pods/{uid}"),
            &format!("pods/{uid}/volumes"),
            &format!("pods/{uid}/etc-hosts"),
            "plugins/kubernetes.io",
            "plugins/mine/x",
            "pods/../volumes/x/y",
        ] {
            assert!(!made_by_kubelet(directory, &directory.join(foreign)), "{foreign}");
        }
        assert!(!made_by_kubelet(directory, Utf8Path::new("/mnt/pods/x/volumes/y")));
    }
}
