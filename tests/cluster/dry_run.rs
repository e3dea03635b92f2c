//! A dry run tells everything and changes nothing.

use super::phases::applies;
use super::stage::Stage;
use super::tree::{CLUSTER_DIRS, STATE_DIR, differences, tree};

#[test]
#[ignore = "needs lab nodes"]
fn a_dry_run_tells_what_it_would_do_and_leaves_the_node_as_it_was() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    let looked_at = || tree(node, CLUSTER_DIRS.into_iter().chain([STATE_DIR, "/run", "/etc/cni/net.d"]));
    let asked = tempfile::NamedTempFile::new().unwrap();
    let before = looked_at();

    let ended = stage.init().word("--dry-run").with("LAB_SYSTEMCTL_LOG", asked.path()).succeed();

    assert_eq!(differences(&before, &looked_at()), [""; 0]);
    let asked = std::fs::read_to_string(asked.path()).unwrap();
    let changes = ["start", "restart", "stop", "enable", "daemon-reload"];
    let changing = asked.lines().filter(|line| line.split(' ').any(|word| changes.contains(&word)));
    assert_eq!(changing.collect::<Vec<_>>(), [""; 0], "the kubelet was touched");
    for told in [
        "/etc/kubernetes/pki/ca.key",
        "/etc/kubernetes/pki/etcd/server.crt",
        "/etc/kubernetes/admin.conf",
        "/etc/kubernetes/manifests/kube-apiserver.yaml",
        "/var/lib/kubelet/config.yaml",
        "kubeadm-config",
        "cluster-info",
        "kube-proxy",
        "coredns",
        "restart service kubelet",
    ] {
        assert!(ended.out.contains(told), "`{told}` is not told:\n{}", ended.said());
    }
    assert!(ended.out.contains("--advertise-address="), "contents are not shown:\n{}", ended.out);
    for secret in ["PRIVATE KEY", "client-key-data"] {
        assert!(!ended.said().contains(secret), "a secret is shown: {secret}");
    }
    let plan = ended.begun().2;
    let left: Vec<_> =
        plan.iter().filter(|phase| phase.step != "run" && applies(phase)).map(|phase| &phase.path).collect();
    assert_eq!(left, [""; 0], "phases that the dry run left out");
}
