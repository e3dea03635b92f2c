//! Inputs that tests share.

use std::net::IpAddr;

use kubewright_config::{HostFacts, Init, InitFlags, load_init};

/// Loads a file as `init` would, on a host called `machine`.
pub(crate) fn load(file: &str) -> Init {
    let host = HostFacts::with_address("machine", IpAddr::from([192, 0, 2, 2]));
    let flags = InitFlags::default();
    let loaded = load_init(Some(("input.yaml", file.as_bytes())), &flags, &host, &mut |bytes| bytes.fill(7));
    match loaded {
        Ok((init, _)) => init,
        Err(errors) => panic!("{errors}"),
    }
}

/// Loads the defaults of a version.
pub(crate) fn defaults(version: &str) -> Init {
    with_cluster(version, "")
}

/// Loads a version with more lines of ClusterConfiguration.
pub(crate) fn with_cluster(version: &str, lines: &str) -> Init {
    load(&format!(
        "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: abcdef.0123456789abcdef
nodeRegistration:
  name: cp1
  criSocket: unix:///run/containerd/containerd.sock
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {version}
{lines}"
    ))
}

/// Returns the first patch release of every known minor, and the newest one of some.
pub(crate) fn versions() -> Vec<String> {
    let first = kubewright_config::known_minors().map(|minor| format!("v1.{minor}.0"));
    first.chain(["v1.20.15", "v1.24.17", "v1.36.2"].map(str::to_owned)).collect()
}
