#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

#[test]
fn a_node_is_taken_out_by_its_name_or_its_address_and_others_stay() {
    let status = "apiEndpoints:\n  node1: {advertiseAddress: 192.0.2.1, bindPort: 6443}\n  \
                  node2: {advertiseAddress: 192.0.2.2, bindPort: 6443}\napiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\n";
    let live =
        json!({"metadata": {"resourceVersion": "7"}, "data": {"ClusterStatus": status, "ClusterConfiguration": "x"}});
    let at = |last: u8, bind_port| Some(ApiEndpoint { advertise_address: [192, 0, 2, last].into(), bind_port });
    for (name, endpoint) in [(Some("node2"), None), (None, at(2, 6443)), (Some("other"), at(2, 6443))] {
        let (changed, gone) = without(&live, name, endpoint).unwrap();
        assert_eq!(gone, "node2");
        assert_eq!(known_endpoints(&changed).into_keys().collect::<Vec<_>>(), ["node1"]);
        assert_eq!(changed["metadata"], live["metadata"], "who wrote it meanwhile is found out by this");
        assert!(changed["data"]["ClusterStatus"].as_str().unwrap().contains("kubeadm.k8s.io/v1beta2"));
        // Twice is once.
        assert!(without(&changed, name, endpoint).is_none());
    }
    for (name, endpoint) in [(None, None), (Some("node3"), at(2, 8443))] {
        assert!(without(&live, name, endpoint).is_none());
    }
    assert!(without(&json!({"data": {}}), Some("node1"), None).is_none(), "newer clusters have no list");
}
