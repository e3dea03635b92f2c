//! The checks of `upgrade plan`: of this user, of CoreDNS' configuration, and of the cluster's health.

use std::time::Duration;

use kubewright_config::{ClusterConfiguration, VersionFacts};
use kubewright_engine::{Failure, FailureContext};
use kubewright_node::{Backends, KubeAccess, KubeBackend, ObjectRef, ProbeBackend};
use kubewright_phases::checks::{Finding, judged};
use kubewright_phases::running::health;

use crate::render::say;

/// How often the Job is looked at.
const LOOKS: Duration = Duration::from_secs(1);

/// Tells findings; fails if one of them is an error that is not ignored.
pub fn tell(findings: Vec<Finding>, ignore: &[String]) -> Result<(), Failure> {
    let (warnings, outcome) = judged(findings, ignore);
    warnings.iter().for_each(|warning| say(warning));
    outcome
}

/// Whether the user may do what an upgrade takes.
pub fn root(probe: &dyn ProbeBackend) -> Vec<Finding> {
    match probe.effective_uid() {
        0 => Vec::new(),
        _ => {
            vec![Finding::error("IsPrivilegedUser", "user is not running as root", "run the same command with sudo")]
        }
    }
}

/// All that is wrong with the cluster.
pub async fn cluster(
    backends: &Backends,
    access: &KubeAccess,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
) -> Result<Vec<Finding>, Failure> {
    let nodes = backends.kube.list(access, "v1", "Node", None, None).await.context("could not list nodes")?;
    let mut findings = Vec::new();
    if health::any_schedulable(&nodes) {
        let stamp = backends.clock.now().unix_timestamp_nanos() / 1_000_000;
        let job = health::job(stamp, cluster, facts);
        findings.extend(run_job(&*backends.kube, access, &job).await.err().map(health::job_finding));
    } else {
        say("The preflight check \"CreateJob\" was skipped because there are no schedulable Nodes in the cluster.");
    }
    findings.extend(health::control_planes(&nodes));
    findings.extend(health::manifests(|path| backends.probe.exists(path)));
    Ok(findings)
}

/// Makes the Job, waits until it is done, and takes it away again.
async fn run_job(kube: &dyn KubeBackend, access: &KubeAccess, job: &serde_json::Value) -> Result<(), String> {
    let Some(name) = ObjectRef::of(job) else { return Err("the test Job has no name".into()) };
    let created = kube.create(access, job).await;
    created
        .map_err(|error| format!("could not create Job {:?} in the namespace \"kube-system\": {error}", name.name))?;
    let outcome = tokio::time::timeout(health::JOB_LIMIT, done(kube, access, &name)).await;
    // A cluster that keeps finished Jobs, as 1.20 does, would have one for each plan. Its pods go first: a Job that is
    // deleted leaves them.
    let pods = kube.list(access, "v1", "Pod", Some("kube-system"), None).await.unwrap_or_default();
    let own = pods.iter().filter(|pod| {
        pod.pointer("/metadata/labels/job-name").and_then(serde_json::Value::as_str) == Some(name.name.as_str())
    });
    for pod in own.filter_map(ObjectRef::of) {
        let _ = kube.delete(access, &pod).await;
    }
    let _ = kube.delete(access, &name).await;
    match outcome {
        Ok(outcome) => outcome.map_err(|why| format!("Job {:?} failed: {why}", name.name)),
        Err(_) => Err(format!(
            "Job {:?} in the namespace \"kube-system\" did not complete in {} s: no condition of type Complete",
            name.name,
            health::JOB_LIMIT.as_secs()
        )),
    }
}

async fn done(kube: &dyn KubeBackend, access: &KubeAccess, name: &ObjectRef) -> Result<(), String> {
    loop {
        if let Ok(Some(job)) = kube.get(access, name).await {
            if health::is_complete(&job) {
                return Ok(());
            }
            if let Some(why) = health::why_failed(&job) {
                return Err(why);
            }
        }
        tokio::time::sleep(LOOKS).await;
    }
}
