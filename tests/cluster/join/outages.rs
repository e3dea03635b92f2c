//! Servers of the cluster that end while a control plane joins it: the only API server, and etcd's leader. The join waits for
//! what comes back, and ends as any other.

use std::time::Instant;

use serde_json::json;

use super::super::command::Kubewright;
use super::super::members::{leader, voters, wait_for_leader};
use super::super::outage::end_container;
use super::{As, Site};

#[test]
#[ignore = "needs lab nodes"]
fn a_join_outlives_the_end_of_the_api_server_and_of_etcds_leader() {
    let site = Site::with_nodes(3);
    let (first, second) = (site.stage.node(1), site.stage.node(2));

    // From here on it needs the API server for the kubelet's certificate, for the node and for the configuration.
    let begun = Instant::now();
    let mut running = patient(&site, 2).start();
    running.wait_for_phase("kubelet-start");
    end_container(first, "kube-apiserver");
    let ended = running.end();
    assert!(ended.status.success(), "{}", ended.said());
    eprintln!("joined in {:.1} s, while the API server was started again", begun.elapsed().as_secs_f64());

    // Of two members both are needed: nothing is answered until the leader is back.
    let begun = Instant::now();
    let mut running = patient(&site, 3).start();
    running.wait_for_phase("etcd-join");
    let leader = leader([first, second]);
    end_container(leader, "etcd");
    let ended = running.end();
    assert!(ended.status.success(), "{}", ended.said());
    let took = begun.elapsed().as_secs_f64();
    eprintln!("joined in {took:.1} s, while etcd's leader on {} was started again", leader.name());
    wait_for_leader(first);
    assert_eq!(voters(first).into_iter().collect::<Vec<_>>(), ["node1", "node2", "node3"]);
    let nodes = first.run(["kubectl", "get", "nodes", "-o", "name"]).unwrap();
    assert_eq!(nodes.lines().collect::<Vec<_>>(), ["node/node1", "node/node2", "node/node3"]);

    site.take_out([2, 3]);
    site.hand_on();
}

/// The command that joins a control plane. A slow machine may need longer to start a server again than people want to wait.
fn patient(site: &Site, number: usize) -> Kubewright<'_> {
    site.join_changed(number, As::Uploaded, |document| {
        document["timeouts"] = json!({"kubernetesAPICall": "4m", "etcdAPICall": "4m", "discovery": "5m"});
    })
}
