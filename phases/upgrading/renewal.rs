//! Certificates that are renewed when a component is replaced, as `certs renew` does it, in the words of an upgrade. kubeadm:
//! `renewCertsByComponent` in `app/phases/upgrade/staticpods.go`.

use kubewright_pki::KubeconfigKind;

use super::{Component, Hands, UpgradedCluster};
use crate::issuing::{Issuing, read_authority};
use crate::prelude::*;
use crate::renewal::{Managed, Renewed, is_external};

/// Renews all certificates of a component; they appear with what else the phase has written.
///
/// # Errors
/// One is not there or cannot be read, or its authority cannot sign it.
pub async fn renew(component: Component, found: &UpgradedCluster, hands: &Hands<'_>) -> Result<(), Failure> {
    for kind in component.certificates(&found.cluster) {
        renew_one(Managed::Pki(kind), found, hands).await?;
    }
    match component.kubeconfig() {
        Some(kind) => renew_kubeconfig(kind, found, hands).await,
        None => Ok(()),
    }
}

/// Renews the certificate inside a kubeconfig; all else in it stays.
///
/// # Errors
/// It is not there, has no certificate inside, or the authority cannot sign it.
pub async fn renew_kubeconfig(kind: KubeconfigKind, found: &UpgradedCluster, hands: &Hands<'_>) -> Result<(), Failure> {
    renew_one(Managed::Kubeconfig(kind), found, hands).await
}

async fn renew_one(managed: Managed, found: &UpgradedCluster, hands: &Hands<'_>) -> Result<(), Failure> {
    let Hands { files, clock, report, .. } = hands;
    let read = |path: &Utf8Path| files.read(path);
    let name = match managed {
        Managed::Pki(kind) => kind.profile().base_name.replace('/', "-"),
        Managed::Kubeconfig(kind) => kind.file_name().to_owned(),
    };
    let held = managed.read(&found.cluster, &read)?.ok_or_else(|| {
        Failure::new(format!("`{}` is not there, so it cannot be renewed", managed.file(&found.cluster)))
    })?;
    let kind = managed.authority();
    if is_external(kind, &found.cluster, &read)? {
        report.note("upgrade/staticpods", format!("External CA detected, {name} certificate can't be renewed"));
        return Ok(());
    }
    report.note("upgrade/staticpods", format!("Renewing {name} certificate"));
    let base = kind.profile().base_name;
    let authority = read_authority(&found.cluster, kind, |path| files.read(path))?
        .ok_or_else(|| Failure::new(format!("the authority `{base}.crt`, which signs {name}, is not there")))?;
    let issuing = Issuing::new(&found.cluster, &found.facts, clock);
    let renewed = Renewed::sign(managed, held, authority, &issuing, issuing.algorithm()).await?;
    renewed.write(&issuing, files)
}
