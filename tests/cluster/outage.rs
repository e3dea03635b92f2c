//! What fails in a cluster by itself: a server that ends, and is started again by the kubelet.

use kubewright_lab::Node;

/// Ends a container of a static pod at once, as a crash does.
pub fn end_container(node: &Node, name: &str) {
    let of = |label: &str, value: &str| format!("labels.\"{label}\"=={value}");
    let wanted = format!("{},{}", of("io.kubernetes.container.name", name), of("io.cri-containerd.kind", "container"));
    let list = node.run(["ctr", "--namespace", "k8s.io", "containers", "list", "--quiet", &wanted]).unwrap();
    // Containers that ended before are listed, too, and have no task.
    let kill =
        |id: &&str| node.run(["ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", id]).is_ok();
    let ended = list.lines().filter(kill).count();
    assert_eq!(ended, 1, "{name} on {}: {list}", node.name());
}
