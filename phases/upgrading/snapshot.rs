//! The copy of etcd's data that is taken before a control plane is upgraded, and how this node's member is reached.

use kubewright_config::yaml;
use kubewright_node::{Etcd, EtcdAccess, EtcdTls, Retention};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::{Component, Hands, Kept, UpgradedCluster};
use crate::prelude::*;

/// Where copies are kept.
pub const SNAPSHOTS: &str = "/var/lib/kubewright/snapshots";
/// How many copies are kept, and how many bytes they may take: as many as upgrades are, and the largest data that etcd
/// recommends.
pub const RETENTION: Retention = Retention { count: super::kept::KEPT_UPGRADES, bytes: 8 << 30 };

/// Takes the copy, unless this upgrade has one.
///
/// # Errors
/// etcd is not well, there is no room, or the copy is not whole.
pub async fn take(kept: &mut Kept, found: &UpgradedCluster, etcd: &Etcd, hands: &Hands<'_>) -> Result<(), Failure> {
    if kept.snapshot.is_some() {
        return Ok(());
    }
    let (access, own) = member(found, hands.files)?;
    let path = Utf8Path::new(SNAPSHOTS).join(format!("{}.db", kept.name));
    hands.report.note("upgrade/etcd", format!("Saving a snapshot of etcd to \"{path}\""));
    let health = etcd.health(&access, hands.report).await?;
    if !health.is_well() {
        return Err(Failure::new(health.problems().join("; "))
            .context("the etcd cluster is not healthy, so nothing was changed")
            .hint("let its members come up first, then run the same command again"));
    }
    let count = health.members.len();
    if kept.may_restore && count > 1 {
        return Err(Failure::new(format!(
            "--restore-etcd cannot be kept to: etcd has {count} members, and the data of one of several is never put back"
        ))
        .kind(FailureKind::Validation)
        .hint("run the same command without --restore-etcd"));
    }
    kept.members = Some(count);
    let saved = hands.snapshots.save(&access, &own, &path, RETENTION, hands.report).await?;
    kept.snapshot = Some(saved.path);
    Ok(())
}

/// How this node's member is reached, with its own URL.
///
/// # Errors
/// Its manifest or its credentials are not here.
pub fn member(found: &UpgradedCluster, files: &Files) -> Result<(EtcdAccess, String), Failure> {
    let text = |path: &Utf8Path| -> Result<String, Failure> {
        let contents = files.read(path)?.ok_or_else(|| Failure::new(format!("`{path}` is not there")))?;
        String::from_utf8(contents.as_bytes().to_vec()).context(format!("cannot read `{path}`"))
    };
    let path = Component::Etcd.manifest();
    let manifest = yaml::document(text(&path)?.as_bytes()).context(format!("cannot read `{path}`"))?;
    let annotations = manifest.value().pointer("/metadata/annotations");
    let url = annotations.and_then(|all| all.get(ADVERTISED)).and_then(Json::as_str);
    let url = url.ok_or_else(|| Failure::new(format!("`{path}` has no annotation `{ADVERTISED}`")))?.to_owned();
    let pki = |name: &str| found.cluster.certificate_path(name);
    let tls = EtcdTls {
        authority: text(&pki("etcd/ca.crt"))?,
        certificate: text(&pki("etcd/healthcheck-client.crt"))?,
        key: Zeroizing::new(text(&pki("etcd/healthcheck-client.key"))?),
    };
    let call_limit = found.init.timeouts.etcd_api_call;
    Ok((EtcdAccess { endpoints: vec![url.clone()], tls: Some(tls), call_limit }, url))
}

const ADVERTISED: &str = "kubeadm.kubernetes.io/etcd.advertise-client-urls";
