//! Where etcd's members are reached by clients: as their static pods say, and as the cluster says.

use serde_json::Value as Json;

use super::Member;

/// The annotation of an etcd pod that holds its client URL.
const ANNOTATION: &str = "kubeadm.kubernetes.io/etcd.advertise-client-urls";

/// What the annotations of etcd's pods say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodEndpoints {
    /// Every etcd pod names its client URL, and there is at least one.
    All(Vec<String>),
    /// Not yet; the reason. A pod that was just made is not mirrored to the API server at once.
    NotYet(String),
}

/// Reads the client URLs out of etcd's pods among `pods` (those with `component=etcd` and `tier=control-plane`). Whether
/// a pod is ready does not count: a member that is down is passed over when it is asked.
pub fn pod_endpoints(pods: &[Json]) -> PodEndpoints {
    let label = |pod: &Json, name: &str| pod.pointer("/metadata/labels")?.get(name)?.as_str().map(str::to_owned);
    let is_etcd = |pod: &&Json| {
        label(pod, "component").as_deref() == Some("etcd") && label(pod, "tier").as_deref() == Some("control-plane")
    };
    let mut endpoints = Vec::new();
    for pod in pods.iter().filter(is_etcd) {
        let annotation =
            pod.pointer("/metadata/annotations").and_then(|all| all.get(ANNOTATION)).and_then(Json::as_str);
        match annotation.filter(|url| !url.is_empty()) {
            Some(url) => endpoints.push(url.to_owned()),
            None => {
                let name = pod.pointer("/metadata/name").and_then(Json::as_str).unwrap_or("?");
                return PodEndpoints::NotYet(format!("the pod kube-system/{name} has no annotation `{ANNOTATION}`"));
            }
        }
    }
    match endpoints.is_empty() {
        true => PodEndpoints::NotYet(
            "there is no pod with the labels component=etcd and tier=control-plane in the namespace kube-system".into(),
        ),
        false => PodEndpoints::All(endpoints),
    }
}

/// The client URLs of all started voters. A learner answers no reads that need the quorum.
pub(super) fn of_members(members: &[Member]) -> Vec<String> {
    let answering = members.iter().filter(|member| member.started() && !member.learner);
    answering.flat_map(|member| member.client_urls.clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, annotations: Json) -> Json {
        json!({"metadata": {"name": name, "labels": {"component": "etcd", "tier": "control-plane"},
                            "annotations": annotations}})
    }

    #[test]
    fn every_pod_must_name_its_url() {
        let one = pod("etcd-a", json!({ANNOTATION: "https://10.0.0.1:2379"}));
        let other = json!({"metadata": {"name": "dns", "labels": {"k8s-app": "kube-dns"}}});
        let all = PodEndpoints::All(vec!["https://10.0.0.1:2379".into()]);
        assert_eq!(pod_endpoints(&[other.clone(), one.clone()]), all);
        let PodEndpoints::NotYet(why) = pod_endpoints(&[one, pod("etcd-b", json!({}))]) else { panic!("not all") };
        assert!(why.contains("etcd-b"), "{why}");
        assert!(matches!(pod_endpoints(&[other]), PodEndpoints::NotYet(_)));
    }
}
