//! Whether this node's etcd is the only member. Data of one member of several is never put back: the others have gone on
//! without it, and would not know it any more.

use std::time::Duration;

use kubewright_node::etcd::{PodEndpoints, pod_endpoints};
use kubewright_node::{Etcd, EtcdAccess, KubeAccess};
use zeroize::Zeroizing;

use super::TAG;
use crate::etcd_access;
use crate::etcd_pod::EtcdPod;
use crate::prelude::*;

/// How long each of those who may know is asked.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks everybody who may know of others. All are asked: an etcd that lost its data has started anew, and believes itself
/// alone.
///
/// # Errors
/// There are other members, or there may be.
pub async fn must_be_alone(
    pod: &EtcdPod,
    files: &Files,
    kube: &Kube,
    etcd: &Etcd,
    report: &Report,
) -> Result<(), Failure> {
    let by_etcd = match etcd_access::of_pod(pod, files) {
        Ok(tls) => {
            let access = EtcdAccess { endpoints: pod.endpoints(), tls: Some(tls), call_limit: LIMIT };
            etcd.members(&access, report).await.map(|members| members.len())
        }
        Err(failure) => Err(failure),
    };
    let by_pods = count_of_pods(files, kube).await;
    match (&by_etcd, &by_pods) {
        (Ok(count), _) if *count > 1 => return Err(refused(*count, "etcd itself")),
        (_, Ok(count)) if *count > 1 => return Err(refused(*count, "the API server")),
        (Ok(_), _) | (_, Ok(1)) => return Ok(()),
        _ => {}
    }
    let others: Vec<&str> = pod.others().collect();
    if !others.is_empty() {
        let manifest = paths::static_pod("etcd");
        return Err(Failure::new(format!(
            "`{manifest}` names other members, {}, and nobody answers who could tell whether they are there still",
            others.join(", ")
        ))
        .kind(FailureKind::Validation)
        .hint("if one of them is well, take this node out with `kubewright reset` and let it join again instead")
        .hint(format!(
            "if they are lost for good, take them out of --initial-cluster in {manifest}, and run it again"
        )));
    }
    report.note(TAG, "Neither etcd nor an API server answers; its manifest says that this member is the only one");
    Ok(())
}

fn refused(count: usize, who: &str) -> Failure {
    Failure::new(format!(
        "etcd has {count} members, as {who} says; the data of one of several is never put back, because the others have \
         gone on without it"
    ))
    .kind(FailureKind::Validation)
    .hint("a member that lost its data: `kubewright reset` on its node, then let it join again")
}

/// How many pods of etcd the API server shows.
async fn count_of_pods(files: &Files, kube: &Kube) -> Result<usize, Failure> {
    let path = Utf8Path::new(paths::ADMIN_CONF);
    let contents = files.read(path)?.ok_or_else(|| Failure::new(format!("`{path}` is not there")))?;
    let kubeconfig = String::from_utf8(contents.as_bytes().to_vec()).context(format!("cannot read `{path}`"))?;
    let access = KubeAccess { kubeconfig: Zeroizing::new(kubeconfig), server: None, call_limit: LIMIT };
    let pods = kube.list(&access, "v1", "Pod", Some("kube-system"), None).await?;
    match pod_endpoints(&pods) {
        PodEndpoints::All(endpoints) => Ok(endpoints.len()),
        PodEndpoints::NotYet(why) => Err(Failure::new(why)),
    }
}

#[cfg(test)]
mod tests;
