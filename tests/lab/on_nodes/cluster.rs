//! Needs root; `cargo lab test` gives each test that runs a lab of its own.

#![allow(clippy::unwrap_used)]

use std::{thread, time::Duration};

use kubewright_lab::{Cluster, Lab, Maker, Shape};

#[test]
#[ignore = "needs lab nodes"]
fn nodes_made_at_the_same_time_come_up_empty_and_see_each_other() {
    let (lab, setup) = Lab::for_tests().unwrap();
    lab.down().unwrap();
    let nodes = ["node1", "node2"].map(|name| lab.node(name).unwrap());
    thread::scope(|scope| {
        for node in nodes.iter().chain(&nodes) {
            scope.spawn(|| node.ensure(&setup).unwrap());
        }
    });
    for node in &nodes {
        assert_eq!(node.run(["hostname"]).unwrap().trim(), node.name());
        for empty in ["/etc/kubernetes", "/var/lib/kubelet", "/var/lib/etcd", "/var/lib/kubewright"] {
            assert_eq!(node.run(["find", empty, "-mindepth", "1"]).unwrap(), "", "{empty}");
        }
        let images = node.run(["ctr", "-n", "k8s.io", "images", "ls", "-q"]).unwrap();
        assert!(images.contains(&format!("/kube-apiserver:{}", setup.kubernetes.version())), "{images}");
        let kubelet = node.exec(["systemctl", "is-active", "kubelet"]).unwrap();
        assert_eq!((kubelet.status.code(), &kubelet.stdout[..]), (Some(3), &b"inactive\n"[..]));
    }
    // Over the bridge, to the port that is closed: an answer, and not a time-out.
    let reached = nodes[0].exec(["timeout", "3", "bash", "-c", "echo >/dev/tcp/node2/1"]).unwrap();
    assert!(String::from_utf8_lossy(&reached.stderr).contains("Connection refused"), "{reached:?}");
    assert_eq!(nodes[0].exec(["sh", "-c", "exit 7"]).unwrap().status.code(), Some(7));
    lab.down().unwrap();
}

#[test]
#[ignore = "needs lab nodes"]
fn the_peer_makes_a_cluster_of_two_and_reset_takes_its_node_back() {
    let (lab, setup) = Lab::for_tests().unwrap();
    lab.down().unwrap();
    let shape = Shape { control_planes: 1, workers: 1 };
    let cluster = Cluster::new(&lab, &setup, Maker::Kubeadm, shape).unwrap();
    cluster.up().unwrap();
    cluster.up().expect("a second time is harmless");

    let node = lab.node("node1").unwrap();
    node.run(["kubectl", "create", "configmap", "x", "--from-literal=a=b"]).unwrap();

    // Restart=always: a kubelet that dies comes back as another process.
    let main_process = || node.run(["systemctl", "show", "--property=MainPID", "--value", "kubelet"]).unwrap();
    let first = main_process();
    node.run(["kill", "-9", first.trim()]).unwrap();
    let back = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(100));
        let now = main_process();
        now != first && now != "0\n"
    });
    assert!(back, "the kubelet was not started again");
    node.run(["systemctl", "stop", "kubelet"]).unwrap();
    assert_eq!(main_process(), "0\n");

    node.reset(&setup).unwrap();
    assert_eq!(node.run(["find", "/etc/kubernetes", "/var/lib/etcd", "-mindepth", "1"]).unwrap(), "");
    assert_eq!(node.run(["ctr", "-n", "k8s.io", "containers", "ls", "-q"]).unwrap(), "");
    lab.down().unwrap();
    assert!(!node.running());
    // Labs of other tests stand beside it.
    let name = lab.name();
    let left = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!(
            "ls /run/netns | grep kwlab-{name}-; find /sys/fs/cgroup -name 'kwlab-{name}-*'; mount | grep labs/{name}/"
        ))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}
