#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::facts_for;
use crate::load::tests::defaults;

fn generated(text: &str) -> StoredComponent {
    let hash = config_hash([text.as_bytes()]);
    StoredComponent::of(text, Some(&hash), [text.as_bytes()])
}

#[test]
fn the_hash_tells_who_made_it() {
    assert!(generated("a").generated);
    assert!(!StoredComponent::of("a", None, [&b"a"[..]]).generated);
    assert!(!StoredComponent::of("a", Some("sha256:00"), [&b"a"[..]]).generated);
}

#[test]
fn what_one_version_stored_the_next_one_completes() {
    for (from, to) in [("v1.20.2", "v1.21.14"), ("v1.21.14", "v1.22.17"), ("v1.35.6", "v1.36.2")] {
        let (old, _) = defaults(from, |_| {});
        let (new, _) = defaults(to, |_| {});
        let facts = facts_for(&to.parse().unwrap()).unwrap();
        let stored = generated(&old.kubelet.config_map_yaml());
        let (kubelet, _) = stored_kubelet(&stored, &old.cluster, &facts, false).unwrap();
        // All that the newer one would write is there; what the older one wrote besides stays.
        let mut both = kubelet.document.clone();
        for (key, value) in new.kubelet.document.as_object().unwrap() {
            both[key] = value.clone();
        }
        assert_eq!(kubelet.document, both, "{from} to {to}");
        assert!(!kubelet.user_supplied);
        let stored = generated(&old.kube_proxy.config_map_yaml());
        let endpoint = old.init.local_api_endpoint;
        let (proxy, _) = stored_kube_proxy(&stored, endpoint, &old.cluster, &facts).unwrap();
        for key in new.kube_proxy.document.as_object().unwrap().keys() {
            assert!(proxy.document.get(key).is_some(), "{key}: {from} to {to}");
        }
    }
}

#[test]
fn what_the_user_wrote_stays() {
    let (init, _) = defaults("v1.36.2", |_| {});
    let text = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 42\nsomethingNew: 1\n";
    let stored = StoredComponent { text: text.into(), generated: false };
    let (kubelet, _) = stored_kubelet(&stored, &init.cluster, &init.facts, false).unwrap();
    assert_eq!((&kubelet.document["maxPods"], &kubelet.document["somethingNew"]), (&json!(42), &json!(1)));
    assert!(kubelet.user_supplied);
}

#[test]
fn another_version_is_generated_anew_unless_it_is_the_users() {
    let (init, _) = defaults("v1.36.2", |_| {});
    let text = "apiVersion: kubelet.config.k8s.io/v1alpha1\nkind: KubeletConfiguration\nmaxPods: 42\n";
    let (kubelet, _) = stored_kubelet(&generated(text), &init.cluster, &init.facts, false).unwrap();
    assert_eq!(kubelet.document, init.kubelet.document);
    let users = StoredComponent { text: text.into(), generated: false };
    let error = stored_kubelet(&users, &init.cluster, &init.facts, false).unwrap_err();
    assert!(error.to_string().starts_with("unsupported apiVersion \"kubelet.config.k8s.io/v1alpha1\""), "{error}");
}
