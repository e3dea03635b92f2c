//! When the certificates of a node end. Looks at files only, and reads no key.

use kubewright_config::{ClusterConfiguration, VersionFacts};
use kubewright_engine::{Failure, FailureContext};
use kubewright_pki::{Certificate, CertificateKind};
use time::{Duration, OffsetDateTime};

use super::managed::ReadFile;
use super::{Managed, authorities, is_external};
use crate::issuing::pair_paths;

/// All that a cluster's node should have.
#[derive(Debug)]
pub struct Expiry {
    /// In kubeadm's order.
    pub certificates: Vec<CheckedCertificate>,
    /// In kubeadm's order.
    pub authorities: Vec<CheckedAuthority>,
    /// The kubelet's client certificate, if it can be read.
    pub kubelet: Option<Certificate>,
}

/// One certificate.
#[derive(Debug)]
pub struct CheckedCertificate {
    /// Which.
    pub managed: Managed,
    /// It, unless its file is not there.
    pub certificate: Option<Certificate>,
    /// Somebody else keeps the key of its authority.
    pub external: bool,
}

/// One authority.
#[derive(Debug)]
pub struct CheckedAuthority {
    /// Which.
    pub kind: CertificateKind,
    /// Its certificate, unless that is not there.
    pub certificate: Option<Certificate>,
    /// Somebody else keeps its key.
    pub external: bool,
}

/// Looks at all of them.
///
/// # Errors
/// As in kubeadm: a file that is there and cannot be read, or a certificate without the one of its authority.
pub fn check(cluster: &ClusterConfiguration, facts: &VersionFacts, read: ReadFile<'_>) -> Result<Expiry, Failure> {
    let mut certificates = Vec::new();
    for managed in Managed::of(cluster, facts) {
        let held = managed.read(cluster, read)?;
        let external = held.is_some() && is_external(managed.authority(), cluster, read)?;
        let certificate = held.map(|held| held.certificate);
        certificates.push(CheckedCertificate { managed, certificate, external });
    }
    let mut known = Vec::new();
    for kind in authorities(cluster) {
        let (crt, _) = pair_paths(cluster, kind.profile().base_name);
        let certificate = match read(&crt)? {
            Some(pem) => {
                let doing = format!("failed to load existing certificate {}", kind.profile().base_name);
                Some(Certificate::from_pem(pem.as_bytes()).context(doing)?)
            }
            None => None,
        };
        let external = certificate.is_some() && is_external(kind, cluster, read)?;
        known.push(CheckedAuthority { kind, certificate, external });
    }
    // Who looks without being root still learns of the rest.
    let kubelet = Managed::KUBELET.read(cluster, read).ok().flatten().map(|held| held.certificate);
    Ok(Expiry { certificates, authorities: known, kubelet })
}

impl Expiry {
    /// Every certificate that is there, with its name.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Certificate)> {
        let leaves = self
            .certificates
            .iter()
            .filter_map(|checked| Some((checked.managed.name(), checked.certificate.as_ref()?)));
        let roots = self
            .authorities
            .iter()
            .filter_map(|checked| Some((checked.kind.profile().phase, checked.certificate.as_ref()?)));
        let kubelet = self.kubelet.iter().map(|certificate| (Managed::KUBELET.name(), certificate));
        leaves.chain(roots).chain(kubelet)
    }

    /// The same without what has nothing to do with these certificates and the authorities that sign them.
    pub fn only(mut self, chosen: &[Managed]) -> Self {
        self.certificates.retain(|checked| chosen.contains(&checked.managed));
        self.authorities.retain(|checked| chosen.iter().any(|managed| managed.authority() == checked.kind));
        self.kubelet = self.kubelet.filter(|_| chosen.contains(&Managed::KUBELET));
        self
    }

    /// The names of those that hold no longer than so.
    pub fn ending(&self, now: OffsetDateTime, within: Duration) -> Vec<&'static str> {
        self.all().filter(|(_, certificate)| certificate.remaining(now) < within).map(|(name, _)| name).collect()
    }
}
