//! Clusters that kubewright and the real kubeadm make together. The other direction, where kubewright makes the first node,
//! is in `init` (a worker) and `upload_certs` (a control plane).

use kubewright_lab::Maker;

use super::command::Kubewright;
use super::members::{leave, leave_by_the_peer, voters};
use super::post_conditions::Expected;
use super::stage::{Stage, ours, said};

#[test]
#[ignore = "needs lab nodes"]
fn a_control_plane_and_a_worker_join_what_the_peer_has_made() {
    let stage = Stage::with_nodes(3);
    let first = stage.node(1);
    let cluster = stage.cluster(Maker::Kubeadm, ours(), 2, 1);
    cluster.balance().unwrap();
    let file = cluster.write_init(first).unwrap();
    let words = ["kubeadm", "init", "--skip-phases=preflight", "--config", &file.to_string_lossy()];
    let output = first.exec(words).unwrap();
    assert!(output.status.success(), "{}", said(&output));

    let ticket = cluster.ticket(first, true).unwrap();
    let joins = [(2, true), (3, false)].map(|(number, control_plane)| {
        let file = cluster.write_join(stage.node(number), &ticket, control_plane).unwrap();
        Kubewright::on(stage.node(number)).words(["join", "--config"]).word(file).start()
    });
    for running in joins {
        let ended = running.end();
        assert!(ended.status.success(), "{}", ended.said());
    }
    stage.wait_until_whole(&Expected::of(2, 1).uploaded());
    assert_eq!(voters(first).into_iter().collect::<Vec<_>>(), ["node1", "node2"]);

    // What the peer has made is taken back as well, and by it what we have. Then the last control plane goes with its cluster.
    leave(&stage, first, stage.node(2));
    leave_by_the_peer(&stage, stage.node(3), stage.node(2));
    for number in [2, 3] {
        let ended = Kubewright::on(stage.node(number)).words(["reset", "--force"]).succeed();
        assert!(!ended.err.contains("Failed to"), "node{number}:\n{}", ended.said());
        let left = ["/var/lib/etcd/member", "/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/config.yaml"];
        assert!(left.iter().all(|path| !stage.node(number).path(path).exists()));
    }
}
