//! Ours: certificates that are there already must hold before any other is made.

use async_trait::async_trait;
use kubewright_config::VersionFacts;
use kubewright_pki::CertificateKind;

use crate::checks::{Check, Finding, Name, Subject, errors, fix_of};
use crate::issuing::{check_leaf, read_authority, read_leaf};

/// The check `ExistingCertificates`.
pub struct ExistingCertificates;

#[async_trait]
impl Check for ExistingCertificates {
    fn about(&self) -> &'static str {
        "Find certificates that belong together"
    }

    fn why(&self) -> &'static str {
        "Certificates that are there already are used; if they are expired, or of different authorities, the components refuse each other."
    }

    fn fix(&self) -> &'static str {
        "put the pair that belongs together there, or move the named files away to have new ones made"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["ExistingCertificates"])
    }

    fn ours(&self) -> bool {
        true
    }

    fn rank(&self) -> u16 {
        330
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let cluster = subject.cluster;
        let now = subject.clock.now();
        let mut findings = Vec::new();
        let mut wrong = |failure: &kubewright_engine::Failure| {
            findings.push(Finding::error("ExistingCertificates", failure.to_string(), fix_of(failure, self.fix())));
        };
        for kind in CertificateKind::ALL {
            let profile = kind.profile();
            if cluster.etcd.local().is_none() && profile.base_name.contains("etcd") {
                continue;
            }
            let Some(parent) = profile.parent else {
                if let Err(failure) = read_authority(cluster, kind, |path| subject.files.read(path)) {
                    wrong(&failure);
                }
                continue;
            };
            let authority = read_authority(cluster, parent, |path| subject.files.read(path)).ok().flatten();
            let outcome =
                read_leaf(cluster, kind, |path| subject.files.read(path)).and_then(|leaf| match (leaf, authority) {
                    (Some(leaf), Some(authority)) => check_leaf(cluster, kind, &leaf, &authority.certificate, now),
                    (Some(_), None) => Err(kubewright_engine::Failure::new(format!(
                        "the certificate {} is there, but not the authority {} that must have signed it",
                        profile.base_name,
                        parent.profile().base_name
                    ))
                    .hint(format!(
                        "put the authority into {}, or move the certificate and its key away to have a new pair made",
                        cluster.certificates_dir
                    ))),
                    (None, _) => Ok(()),
                });
            if let Err(failure) = outcome {
                wrong(&failure);
            }
        }
        findings
    }
}
