#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn container(state: &str, attempt: u32) -> ContainerInfo {
    ContainerInfo {
        id: "1".into(),
        started: None,
        name: "kube-scheduler".into(),
        pod: "kube-scheduler-node1".into(),
        pod_uid: "abc".into(),
        state: state.into(),
        exit_code: Some(1),
        attempt,
        log_path: Some("/var/log/pods/x/0.log".into()),
    }
}

#[test]
fn a_container_that_ends_again_and_again_is_given_up() {
    let ends = Ends::default();
    let judge = |state, attempt| ends.judge(Component::KubeScheduler, &container(state, attempt));
    // The old pod's container had been restarted five times.
    assert!(judge("running", 5).is_none());
    assert!(judge("exited", 5).is_none());
    for attempt in [0, 1] {
        assert!(judge("running", attempt).is_none());
        assert!(judge("exited", attempt).is_none());
    }
    assert!(judge("running", 2).is_none());
    let failure = judge("exited", 2).unwrap();
    assert!(failure.to_string().contains("ended 3 times, last with code 1"), "{failure}");
    assert!(failure.hints()[0].contains("/var/log/pods/x/0.log"));
}

#[test]
fn the_end_of_the_old_one_does_not_count() {
    let ends = Ends::default();
    for (state, attempt) in [("exited", 7), ("exited", 7), ("running", 0)] {
        assert!(ends.judge(Component::KubeScheduler, &container(state, attempt)).is_none());
    }
    assert!(ends.judge_newest(Component::Etcd, &[container("exited", 9)]).is_none(), "it is another's");
    assert!(ends.judge_newest(Component::KubeScheduler, &[container("exited", 2)]).is_some());
}

#[test]
fn the_probe_is_the_manifests_own() {
    let pod = |container: Json| json!({"spec": {"containers": [container]}});
    let get = json!({"host": "10.0.0.1", "path": "/readyz", "port": 6443, "scheme": "HTTPS"});
    let live = json!({"path": "/livez", "port": 1});
    let both = pod(json!({"readinessProbe": {"httpGet": get}, "livenessProbe": {"httpGet": live}}));
    assert_eq!(probe_url(&both).unwrap(), "https://10.0.0.1:6443/readyz");
    let named = json!({"livenessProbe": {"httpGet": {"host": "::1", "path": "/healthz", "port": "probe-port"}},
        "ports": [{"name": "probe-port", "containerPort": 2381}]});
    assert_eq!(probe_url(&pod(named)).unwrap(), "http://[::1]:2381/healthz");
    assert_eq!(probe_url(&pod(json!({}))), None);
}
