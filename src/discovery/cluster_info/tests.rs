//! `cluster-info` as servers give it, and as they should not.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn reads_kubeconfig_and_signatures() {
    let object = json!({"kind": "ConfigMap", "data": {"kubeconfig": "k", "jws-kubeconfig-abc123": "s", "more": "m"}});
    let info = ClusterInfo::read(&object).unwrap();
    assert_eq!((info.kubeconfig(), info.signature("abc123"), info.signature("abc124")), (Some("k"), Some("s"), None));
}

#[test]
fn what_is_empty_is_not_there() {
    for object in [
        json!({"kind": "ConfigMap"}),
        json!({"kind": "ConfigMap", "data": null}),
        json!({"kind": "ConfigMap", "data": {"kubeconfig": "", "jws-kubeconfig-abc123": ""}}),
    ] {
        let info = ClusterInfo::read(&object).unwrap();
        assert_eq!((info.kubeconfig(), info.signature("abc123")), (None, None));
    }
    for other in [json!({}), json!({"kind": "Secret"}), json!([]), json!({"kind": "ConfigMap", "data": {"a": 1}})] {
        assert_eq!(ClusterInfo::read(&other), None, "{other}");
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    #[test]
    fn takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(object) = serde_json::from_slice::<Json>(&bytes) {
            ClusterInfo::read(&object);
        }
    }

    #[test]
    fn takes_any_data(data in prop::collection::btree_map(".{0,20}", ".{0,20}", 0..5)) {
        let info = ClusterInfo::read(&json!({"kind": "ConfigMap", "data": data})).unwrap();
        for (key, value) in &data {
            if let Some(id) = key.strip_prefix(SIGNATURE_PREFIX) {
                prop_assert_eq!(info.signature(id).unwrap_or_default(), value);
            }
        }
    }
}
