//! How a control plane reaches the cluster's etcd: at the addresses that its pods tell, with the health check's
//! credentials.

use kubewright_node::etcd::{PodEndpoints, pod_endpoints};
use kubewright_node::{Attempt, Etcd, EtcdAccess, EtcdTls, KubeErrorKind, wait_for};
use zeroize::Zeroizing;

use crate::artifacts::ClusterAdmin;
use crate::etcd_pod::EtcdPod;
use crate::joining::FoundCluster;
use crate::prelude::*;

/// Finds etcd's endpoints, first as the pods tell them, then as etcd itself does.
///
/// # Errors
/// The credentials are not here, no pod tells an endpoint in time, or etcd does not answer.
pub async fn find(
    found: &FoundCluster,
    admin: &ClusterAdmin,
    files: &Files,
    kube: &Kube,
    etcd: &Etcd,
    report: &Report,
) -> Result<EtcdAccess, Failure> {
    let FoundCluster { init, cluster, .. } = found;
    let text = |name: &str| -> Result<String, Failure> {
        let path = cluster.certificate_path(name);
        let contents = files.read(&path)?.ok_or_else(|| {
            Failure::new(format!("`{path}` is not there"))
                .hint("run `join phase control-plane-prepare certs --control-plane` first")
        })?;
        String::from_utf8(contents.as_bytes().to_vec()).context(format!("cannot read `{path}`"))
    };
    let tls = EtcdTls {
        authority: text("etcd/ca.crt")?,
        certificate: text("etcd/healthcheck-client.crt")?,
        key: Zeroizing::new(text("etcd/healthcheck-client.key")?),
    };
    let limit = init.timeouts.etcd_api_call;
    let endpoints = wait_for(report, "etcd's pods to tell their addresses", limit, || async {
        // While etcd changes its members, API servers answer late or not at all.
        let pods = match kube.list(&admin.0, "v1", "Pod", Some("kube-system"), None).await {
            Ok(pods) => pods,
            Err(error) if error.kind == KubeErrorKind::Access => return Err(error.into()),
            Err(error) => return Ok(Attempt::NotYet(error.to_string())),
        };
        Ok(match pod_endpoints(&pods) {
            PodEndpoints::All(endpoints) => Attempt::Done(endpoints),
            PodEndpoints::NotYet(why) => Attempt::NotYet(why),
        })
    })
    .await?;
    etcd.sync(&EtcdAccess { endpoints, tls: Some(tls), call_limit: limit }, report).await
}

/// The credentials for the etcd of this node's manifest.
///
/// # Errors
/// They are not here.
pub fn of_pod(pod: &EtcdPod, files: &Files) -> Result<EtcdTls, Failure> {
    let text = |path: &Utf8Path| -> Result<String, Failure> {
        let contents = files.read(path)?.ok_or_else(|| Failure::new(format!("`{path}` is not there")))?;
        String::from_utf8(contents.as_bytes().to_vec()).context(format!("cannot read `{path}`"))
    };
    let healthcheck = |name: &str| pod.authority.parent().map(|directory| directory.join(name));
    let client = healthcheck("healthcheck-client.crt").zip(healthcheck("healthcheck-client.key"));
    // The member's own certificate is a client's, too, and is there where the other one was never made.
    let (certificate, key) = match client {
        Some((certificate, key)) if files.read(&key)?.is_some() => (certificate, key),
        _ => (pod.certificate.clone(), pod.key.clone()),
    };
    Ok(EtcdTls { authority: text(&pod.authority)?, certificate: text(&certificate)?, key: Zeroizing::new(text(&key)?) })
}
