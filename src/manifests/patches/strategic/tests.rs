//! Merging by itself. The expectations are what kubeadm's library makes of the same, but for leftovers of directives.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::patches::{Target, shape};

/// Merges into the spec of a pod.
fn merged(spec: Value, patch: Value) -> Result<Value, Fault> {
    let mut pod = Map::from_iter([("spec".to_owned(), spec)]);
    merge(&mut pod, Map::from_iter([("spec".to_owned(), patch)]), shape::of(Target::Etcd))?;
    Ok(pod.remove("spec").unwrap_or_default())
}

fn named(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"name": name})).collect()
}

#[test]
fn fields_are_merged_deleted_and_replaced() {
    let spec = json!({"a": {"x": 1, "y": 2}, "b": 1, "c": [1, 2], "d": {"k": 1}, "e": {"k": 1}});
    let patch = json!({
        "a": {"x": 3, "z": {"deep": null, "kept": true}},
        "b": null,
        "c": [3],
        "d": {"$patch": "replace", "n": 1},
        "e": {"$patch": "delete"},
        "f": {"$patch": "delete"},
        "g": null,
        "h": {"$patch": "replace", "n": 1},
    });
    let expected = json!({
        "h": {"n": 1}, "a": {"x": 3, "y": 2, "z": {"kept": true}}, "c": [3], "d": {"n": 1}, "e": {},
    });
    assert_eq!(merged(spec, patch), Ok(expected));
}

#[test]
fn another_type_replaces() {
    let spec = json!({"a": {"x": 1}, "b": [1], "c": "text"});
    let patch = json!({"a": [1], "b": {"y": 2}, "c": {"z": 1}});
    assert_eq!(merged(spec, patch.clone()), Ok(patch));
}

#[test]
fn what_a_patch_adds_comes_before_what_it_does_not_name() {
    let cases: &[(&[&str], &[&str], &[&str])] = &[
        (&["a", "b"], &["c"], &["c", "a", "b"]),
        (&["a", "b"], &["b", "c"], &["a", "b", "c"]),
        (&["a", "b", "c"], &["c", "a"], &["b", "c", "a"]),
        (&["a", "b", "c"], &["c", "x", "a"], &["b", "c", "x", "a"]),
        (&[], &["a", "b"], &["a", "b"]),
    ];
    for (live, patch, expected) in cases {
        let result = merged(json!({"volumes": named(live)}), json!({"volumes": named(patch)}));
        assert_eq!(result, Ok(json!({"volumes": named(expected)})), "{live:?} and {patch:?}");
    }
}

#[test]
fn each_list_has_its_own_key() {
    let spec = json!({"containers": [{
        "name": "c",
        "env": [{"name": "A", "value": "1"}],
        "ports": [{"containerPort": 1, "name": "p"}],
        "volumeMounts": [{"mountPath": "/a", "name": "v"}],
        "command": ["x", "--old"],
    }], "tolerations": [{"key": "a"}], "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["a"]}]});
    let patch = json!({"containers": [{
        "name": "c",
        "env": [{"name": "A", "value": "2"}],
        "ports": [{"containerPort": 1, "protocol": "TCP"}],
        "volumeMounts": [{"mountPath": "/a", "readOnly": true}],
        "command": ["y"],
    }], "tolerations": [{"key": "b"}], "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["b"]}]});
    let expected = json!({"containers": [{
        "name": "c",
        "env": [{"name": "A", "value": "2"}],
        "ports": [{"containerPort": 1, "name": "p", "protocol": "TCP"}],
        "volumeMounts": [{"mountPath": "/a", "name": "v", "readOnly": true}],
        "command": ["y"],
    }], "tolerations": [{"key": "b"}], "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["b"]}]});
    assert_eq!(merged(spec, patch), Ok(expected));
}

#[test]
fn items_are_deleted_and_lists_replaced() {
    let spec = || json!({"volumes": named(&["a", "b", "c"])});
    let delete = json!({"volumes": [{"name": "b", "$patch": "delete"}, {"name": "none", "$patch": "delete"}]});
    assert_eq!(merged(spec(), delete.clone()), Ok(json!({"volumes": named(&["a", "c"])})));
    let replace = json!({"volumes": [{"$patch": "replace"}, {"name": "z", "emptyDir": {}}]});
    assert_eq!(merged(spec(), replace), Ok(json!({"volumes": [{"name": "z", "emptyDir": {}}]})));
    assert_eq!(merged(json!({}), delete), Ok(json!({"volumes": []})), "a directive never stays");
}

#[test]
fn scalars_are_a_set_and_can_be_deleted() {
    let mut pod = json!({"metadata": {"finalizers": ["a", "b"]}});
    let patch = |text: Value| text.as_object().unwrap().clone();
    let shape = shape::of(Target::Etcd);
    merge(pod.as_object_mut().unwrap(), patch(json!({"metadata": {"finalizers": ["c", "a"]}})), shape).unwrap();
    assert_eq!(pod["metadata"]["finalizers"], json!(["c", "a", "b"]));
    let delete = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a", "z"]}});
    merge(pod.as_object_mut().unwrap(), patch(delete), shape).unwrap();
    assert_eq!(pod["metadata"], json!({"finalizers": ["c", "b"]}));
}

#[test]
fn an_order_is_followed() {
    let spec = || json!({"volumes": named(&["a", "b", "c"])});
    let order = |order: &[&str], patch: Option<&[&str]>| {
        let mut spec = json!({"$setElementOrder/volumes": named(order)});
        if let Some(patch) = patch {
            spec["volumes"] = named(patch);
        }
        spec
    };
    assert_eq!(merged(spec(), order(&["c", "a"], None)), Ok(json!({"volumes": named(&["b", "c", "a"])})));
    let added = order(&["c", "x", "a", "b"], Some(&["x"]));
    assert_eq!(merged(spec(), added), Ok(json!({"volumes": named(&["c", "x", "a", "b"])})));
    assert_eq!(merged(json!({}), order(&["a"], None)), Ok(json!({})));
    assert_eq!(merged(json!({}), order(&["b", "a"], Some(&["b", "a"]))), Ok(json!({"volumes": named(&["b", "a"])})));
    let fault = Err(Fault::Order("volumes".into()));
    assert_eq!(merged(spec(), order(&["a"], Some(&["x"]))), fault);
    assert_eq!(merged(spec(), order(&["a", "b"], Some(&["b", "a"]))), fault);
}

#[test]
fn only_retained_keys_stay() {
    let spec = || json!({"volumes": [{"name": "a", "hostPath": {"path": "/a"}}]});
    let patch = |keys: Value| json!({"volumes": [{"name": "a", "$retainKeys": keys, "emptyDir": {}}]});
    assert_eq!(
        merged(spec(), patch(json!(["name", "emptyDir"]))),
        Ok(json!({"volumes": [{"name": "a", "emptyDir": {}}]}))
    );
    assert_eq!(merged(spec(), patch(json!(["name"]))), Err(Fault::NotRetained("emptyDir".into())));
    assert_eq!(merged(spec(), patch(json!("name"))), Err(Fault::NotAList("$retainKeys".into())));
}

#[test]
fn what_cannot_be_merged_is_refused() {
    let spec = || json!({"volumes": named(&["a"]), "containers": [{"image": "x"}]});
    let no_key = |field: &str| Fault::NoKey { field: field.into(), key: "name" };
    for (patch, fault) in [
        (json!({"volumes": [{"emptyDir": {}}]}), no_key("volumes")),
        (json!({"volumes": [{"$patch": "delete"}]}), no_key("volumes")),
        (json!({"containers": named(&["a"])}), no_key("containers")),
        (json!({"volumes": ["a"]}), Fault::Items("volumes".into())),
        (json!({"volumes": [{"name": "a", "$patch": "merge"}]}), Fault::Directive("merge".into())),
        (json!({"$patch": "remove"}), Fault::Directive("remove".into())),
        (json!({"$patch": 5}), Fault::Directive("5".into())),
        (json!({"$setElementOrder/volumes": "a"}), Fault::NotAList("volumes".into())),
        (json!({"$deleteFromPrimitiveList/volumes": 5}), Fault::NotAList("$deleteFromPrimitiveList/volumes".into())),
    ] {
        assert_eq!(merged(spec(), patch.clone()), Err(fault), "{patch}");
    }
}
