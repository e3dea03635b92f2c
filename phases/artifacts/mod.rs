//! Values that phases of more than one workflow make or read.

mod authorities;
mod cluster_admin;
mod tokens;

pub use authorities::{ClusterCa, EtcdCa, FrontProxyCa};
pub use cluster_admin::ClusterAdmin;
pub use tokens::{BootstrapTokens, UploadedCerts};

use kubewright_engine::{Applies, Seeds};
use kubewright_pki::CertificateKind;

use crate::prelude::ClusterConfiguration;

/// Whether phases of the local etcd have anything to do.
pub fn local_etcd(seeds: &Seeds) -> Applies {
    match seeds.get::<ClusterConfiguration>() {
        Some(cluster) if cluster.etcd.local().is_none() => {
            Applies::No { why: "etcd.external is configured, so there is no local etcd".into() }
        }
        _ => Applies::Yes,
    }
}

/// Whether a certificate of the local etcd is wanted. Where it is not, the user reads so, as with kubeadm.
pub fn local_etcd_certificate(seeds: &Seeds, kind: CertificateKind) -> Applies {
    let Applies::No { .. } = local_etcd(seeds) else { return Applies::Yes };
    let profile = kind.profile();
    let what = if profile.parent.is_none() { "certificate authority" } else { "certificate" };
    Applies::Told {
        tag: "certs",
        text: format!("External etcd mode: Skipping {} {what} generation", profile.base_name),
    }
}
