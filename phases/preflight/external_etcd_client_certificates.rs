//! Without its client certificate kube-apiserver cannot speak to an external etcd.

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject, errors};

/// The check `ExternalEtcdClientCertificates`.
pub struct ExternalEtcdClientCertificates;

#[async_trait]
impl Check for ExternalEtcdClientCertificates {
    fn about(&self) -> &'static str {
        "Find the files that an external etcd wants of its clients"
    }

    fn why(&self) -> &'static str {
        "kube-apiserver gets these files as they are; nothing here makes them."
    }

    fn fix(&self) -> &'static str {
        "copy the files that etcd.external names to this machine: caFile, certFile, keyFile"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["ExternalEtcdClientCertificates"])
    }

    fn rank(&self) -> u16 {
        310
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let Some(etcd) = subject.cluster.etcd.external() else { return Vec::new() };
        let named = [("caFile", &etcd.ca_file), ("certFile", &etcd.cert_file), ("keyFile", &etcd.key_file)];
        let missing = named.into_iter().filter_map(|(field, path)| {
            let path = path.as_ref().filter(|path| !subject.probe.exists(path))?;
            let fix =
                format!("copy it there from where etcd's certificates are made, or correct etcd.external.{field}");
            Some(Finding::error("ExternalEtcdClientCertificates", format!("{path} doesn't exist"), fix))
        });
        missing.collect()
    }
}
