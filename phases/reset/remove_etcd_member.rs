//! Takes this node's etcd out of the cluster's, where etcd runs in a static pod, and empties its data directory.
//!
//! Who etcd is stands in the pod's manifest, so no API server has to answer; it is asked only where etcd itself does not.

use std::time::Duration;

use kubewright_node::Etcd;
use kubewright_node::etcd::{PodEndpoints, QuorumLoss, Removal, pod_endpoints};
use kubewright_node::trees::{Cleared, Why};
use kubewright_node::{Attempt, EtcdAccess, KubeAccess, Trees, wait_for};
use zeroize::Zeroizing;

use crate::etcd_access;
use crate::etcd_pod::{DEFAULT_DATA_DIR, EtcdPod};
use crate::prelude::*;
use crate::resetting::{go_on, tell_left};

/// The phase `remove-etcd-member`.
pub struct RemoveEtcdMember;

/// Where this node's etcd had its data, for who stops it later: until then it may write there again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdData(pub Option<Utf8PathBuf>);

impl Value for EtcdData {
    const NAME: &'static str = "etcd-data";
}

impl Artifact<Node> for EtcdData {
    /// Whoever leaves this phase out wants the data to stay.
    async fn load(_: &View, _: &Seeds) -> Result<Option<Self>, Failure> {
        Ok(None)
    }
}

type Powers = (Use<Files>, Use<Kube>, Use<Etcd>, Use<Trees>);

impl Phase<Node> for RemoveEtcdMember {
    const ABOUT: &'static str = "Remove a local etcd member";
    const RANK: u16 = 200;
    // Nothing may change on a node that fails its checks; no value says so, because single phases run without them.
    // And while etcd elects a leader anew, no API server can change what it keeps there.
    const AFTER: &'static [&'static str] = &["preflight", "update-cluster-status"];

    type Input = (Read<ResetConfiguration>, Read<ResetOptions>, Powers);
    type Output = EtcdData;

    async fn run(&self, (reset, options, powers): Self::Input, report: &Report) -> Result<EtcdData, Failure> {
        let (files, _, _, trees) = &powers;
        let path = paths::static_pod("etcd");
        let Some(manifest) = files.read(&path)? else {
            if files.read(&paths::static_pod("kube-apiserver"))?.is_some() {
                external(report);
            } else if trees.has_contents(DEFAULT_DATA_DIR.into()).await? {
                report.warn(format!(
                    "`{DEFAULT_DATA_DIR}` is not empty, and no `{path}` says that Kubernetes's etcd was there: it is left \
                     as it is"
                ));
            }
            return Ok(EtcdData(None));
        };
        let pod = match EtcdPod::read(&manifest) {
            Ok(pod) => pod,
            Err(why) => {
                report.warn(format!("[reset] `{path}` cannot be used: {why}"));
                external(report);
                return Ok(EtcdData(None));
            }
        };
        let has_data = trees.has_contents(&pod.data_dir).await?;
        let limit = reset.timeouts.etcd_api_call;
        // Without data it is not up, and where it was alone nobody else answers: an earlier reset got as far as this.
        let limit = if has_data { limit } else { limit.min(FIRST_TRY) };
        match leave(&pod, &options, limit, &powers, report).await {
            Ok(Removal::Removed(_) | Removal::AlreadyGone | Removal::Last(_)) => {}
            // To stop this etcd costs the cluster as much as to remove its member, so this is said before anything is lost.
            Err(failure) if matches!(failure.cause(), Some(QuorumLoss::Afterwards { .. })) => {
                return Err(failure.hint(
                    "to give the cluster up all the same, leave this out with `--skip-phases=remove-etcd-member`, and \
                     remove the member with etcdctl afterwards",
                ));
            }
            Err(failure) => stays(&pod, &go_on(failure)?, report),
        }
        if has_data {
            report.note("reset", format!("Deleting contents of the etcd data directory: {}", pod.data_dir));
            match empty(trees, &pod.data_dir, report).await {
                Ok(cleared) => tell_left(&pod.data_dir, &cleared, report),
                Err(failure) => {
                    let (failure, directory) = (go_on(failure)?, &pod.data_dir);
                    report.warn(format!(
                        "[reset] Failed to delete contents of the etcd directory: {directory:?}, error: {failure}"
                    ));
                }
            }
        }
        Ok(EtcdData(Some(pod.data_dir)))
    }
}

/// Empties etcd's directory. etcd goes on for a moment after its member is gone, and may write there meanwhile.
async fn empty(trees: &Trees, directory: &Utf8Path, report: &Report) -> Result<Cleared, Failure> {
    let refused = |cleared: &Cleared| cleared.left.iter().any(|left| matches!(left.why, Why::Refused(_)));
    let cleared = trees.empty(directory).await?;
    if !refused(&cleared) {
        return Ok(cleared);
    }
    let again = wait_for(report, "etcd to write no more", WRITES_ON, || async {
        let cleared = trees.empty(directory).await?;
        Ok(match refused(&cleared) {
            true => Attempt::NotYet(format!("`{directory}` is not empty yet")),
            false => Attempt::Done(cleared),
        })
    });
    match again.await {
        // What stays now is told.
        Err(failure) if failure.get_kind() == FailureKind::Deadline => trees.empty(directory).await,
        done => done,
    }
}

fn external(report: &Report) {
    report.note("reset", "No etcd config found. Assuming external etcd");
    report.note("reset", "Please, manually reset etcd to prevent further issues");
}

/// What is left with the others when the member could not be taken out.
fn stays(pod: &EtcdPod, failure: &Failure, report: &Report) {
    report.warn(format!(
        "[reset] Failed to remove etcd member: {failure}, please manually remove this etcd member using etcdctl"
    ));
    if pod.others().next().is_some() {
        report.warn(format!(
            "on another control plane `etcdctl member list` shows the number of the member at {}; `etcdctl member remove` \
             takes it",
            pod.peer_url
        ));
    }
}

/// Takes the member out by its address, through the others if there are any.
async fn leave(
    pod: &EtcdPod,
    options: &ResetOptions,
    limit: Duration,
    (files, kube, etcd, _): &Powers,
    report: &Report,
) -> Result<Removal, Failure> {
    let tls = etcd_access::of_pod(pod, files)?;
    let access = |endpoints: Vec<String>, call_limit| EtcdAccess { endpoints, tls: Some(tls.clone()), call_limit };

    let known = pod.endpoints();
    let members = match etcd.members(&access(known.clone(), limit.min(FIRST_TRY)), report).await {
        Ok(members) => members,
        Err(failure) if limit <= FIRST_TRY || failure.get_kind() != FailureKind::Deadline => return Err(failure),
        Err(_) => {
            let mut all = told_by_pods(options, files, kube, report).await;
            all.extend(known);
            all.dedup();
            etcd.members(&access(all, limit.saturating_sub(FIRST_TRY)), report).await?
        }
    };
    // Through the others first: our own stops answering once it is out.
    let started = members.iter().filter(|member| member.started() && !member.learner);
    let (own, others): (Vec<_>, Vec<_>) = started.partition(|member| member.peer_urls.contains(&pod.peer_url));
    let endpoints = others.into_iter().chain(own).flat_map(|member| member.client_urls.clone()).collect();
    etcd.remove_member(&access(endpoints, limit.max(REMOVAL)), &pod.peer_url, report).await
}

/// Where etcd's pods say that they are, for a node whose own etcd is down and whose manifest is older than the others.
async fn told_by_pods(options: &ResetOptions, files: &Files, kube: &Kube, report: &Report) -> Vec<String> {
    let kubeconfig = match files.read(&options.kubeconfig) {
        Ok(Some(contents)) => String::from_utf8(contents.as_bytes().to_vec()).ok(),
        _ => None,
    };
    let Some(kubeconfig) = kubeconfig else { return Vec::new() };
    let access = KubeAccess { kubeconfig: Zeroizing::new(kubeconfig), server: None, call_limit: FIRST_TRY };
    match kube.list(&access, "v1", "Pod", Some("kube-system"), None).await.map(|pods| pod_endpoints(&pods)) {
        Ok(PodEndpoints::All(endpoints)) => endpoints,
        Ok(PodEndpoints::NotYet(_)) => Vec::new(),
        Err(error) => {
            report.warn(format!("[reset] no API server tells where etcd's members are: {error}"));
            Vec::new()
        }
    }
}

/// How long a member that is gone may go on.
const WRITES_ON: Duration = Duration::from_secs(2);
/// How long etcd is asked at the addresses of its manifest before the API server is.
const FIRST_TRY: Duration = Duration::from_secs(10);
/// The least that a removal is given: a quorum that is too small is waited for as long as a restart takes.
const REMOVAL: Duration = Duration::from_secs(15);

#[cfg(test)]
#[path = "remove_etcd_member/tests.rs"]
mod tests;
