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
    // By hand, because it takes a node more: `KUBEWRIGHT_OUTAGES=3 cargo lab test join::outages`.
    let last = if std::env::var_os("KUBEWRIGHT_OUTAGES").is_some() { 4 } else { 3 };
    let site = Site::with_nodes(last);
    let first = site.stage.node(1);

    // From here on it needs the API server for the kubelet's certificate, for the node and for the configuration.
    let begun = Instant::now();
    let mut running = patient(&site, 2).start();
    running.wait_for_phase("kubelet-start");
    end_container(first, "kube-apiserver");
    let ended = running.end();
    assert!(ended.status.success(), "{}", ended.said());
    eprintln!("joined in {:.1} s, while the API server was started again", begun.elapsed().as_secs_f64());

    // Of two members both are needed: nothing is answered until the leader is back. Of three the others choose another.
    for joining in 3..=last {
        let begun = Instant::now();
        let mut running = patient(&site, joining).start();
        running.wait_for_phase("etcd-join");
        let leader = leader((1..joining).map(|number| site.stage.node(number)));
        end_container(leader, "etcd");
        let ended = running.end();
        assert!(ended.status.success(), "{}", ended.said());
        let took = begun.elapsed().as_secs_f64();
        eprintln!("node{joining} joined in {took:.1} s, while etcd's leader on {} was started again", leader.name());
        wait_for_leader(first);
        let names: Vec<_> = (1..=joining).map(|number| site.stage.node(number).name()).collect();
        assert_eq!(voters(first).into_iter().collect::<Vec<_>>(), names);
        let nodes = first.run(["kubectl", "get", "nodes", "-o", "name"]).unwrap();
        assert_eq!(nodes.lines().filter_map(|line| line.strip_prefix("node/")).collect::<Vec<_>>(), names);
    }

    site.take_out(2..=last);
    site.hand_on();
}

/// The command that joins a control plane. A slow machine may need longer to start a server again than people want to wait.
fn patient(site: &Site, number: usize) -> Kubewright<'_> {
    site.join_changed(number, As::Uploaded, |document| {
        document["timeouts"] = json!({"kubernetesAPICall": "4m", "etcdAPICall": "4m", "discovery": "5m"});
    })
}
