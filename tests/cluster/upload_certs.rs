//! A second control plane, joined by the peer with the certificates that `init --upload-certs` left for it; then the
//! peer takes our first one back.

use std::fs;

use kubewright_lab::Reader;

use super::command::Kubewright;
use super::init::{join_by_the_peer, printed};
use super::members::leave_by_the_peer;
use super::post_conditions::Expected;
use super::stage::Stage;

#[test]
#[ignore = "needs lab nodes"]
fn the_peer_joins_a_control_plane_with_the_uploaded_certificates() {
    let stage = Stage::with_nodes(2);
    let (first, second) = (stage.node(1), stage.node(2));
    let file = stage.configuration(1, Reader::Kubewright);
    let text = fs::read_to_string(&file).unwrap();
    let kind = "\"kind\": \"ClusterConfiguration\",";
    let endpoint = format!("{kind} \"controlPlaneEndpoint\": \"{}:6443\",", first.address());
    assert!(text.contains(kind), "{text}");
    fs::write(&file, text.replace(kind, &endpoint)).unwrap();
    let init = Kubewright::on(first).words(["init", "--upload-certs", "--skip-phases=addon/coredns", "--config"]);
    let ended = init.word(file).succeed();

    let deployments = first.run(["kubectl", "get", "deployments", "-n", "kube-system", "-o", "name"]).unwrap();
    assert_eq!(deployments, "", "CoreDNS was skipped");
    let key = printed(&ended.out, "--certificate-key");
    let address = second.address();
    let control_plane = ["--control-plane", "--certificate-key", &key, "--apiserver-advertise-address", &address];
    join_by_the_peer(&ended, second, &control_plane);
    stage.wait_until_whole(&Expected { coredns: false, ..Expected::of(2, 0).uploaded() });
    let members =
        first.run(["kubectl", "get", "pods", "-n", "kube-system", "-l", "component=etcd", "-o", "name"]).unwrap();
    assert_eq!(members.lines().count(), 2, "{members}");
    leave_by_the_peer(&stage, first, second);
}
