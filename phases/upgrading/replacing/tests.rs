#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn who_runs_and_is_not_well_has_a_part_of_the_limit() {
    let seconds = |component, limit| patience(component, Duration::from_secs(limit)).as_secs();
    assert_eq!(seconds(Component::KubeApiserver, 300), 100);
    assert_eq!(seconds(Component::KubeApiserver, 900), 300);
    assert_eq!(seconds(Component::KubeScheduler, 300), 60);
    assert_eq!(seconds(Component::KubeControllerManager, 30), 60);
    assert_eq!(seconds(Component::Etcd, 300), 300, "it may have much to read");
    assert!(Green::within(Duration::from_secs(60)).judge(Component::KubeScheduler, "refused").is_none());
    let green = Green::within(Duration::ZERO);
    let failure = green.judge(Component::KubeScheduler, "refused").unwrap();
    assert!(
        failure.chain().join(": ").contains("kube-scheduler does not come up: the kubelet has run it"),
        "{failure}"
    );
}
