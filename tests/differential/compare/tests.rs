use serde_json::json;

use super::*;

fn harvest(things: Value) -> Harvest {
    Harvest { things: things.as_object().unwrap().clone().into_iter().collect(), complaints: Vec::new() }
}

fn paths(theirs: Value, ours: Value) -> Vec<String> {
    let compared = compare(&harvest(json!({"x": theirs})), &harvest(json!({"x": ours})));
    compared.into_iter().flat_map(|compared| compared.differences).map(|difference| difference.path).collect()
}

#[test]
fn equal_things_have_no_differences() {
    let things = json!({"a": {"b": [1, {"c": null}]}, "d": "x"});
    let compared = compare(&harvest(things.clone()), &harvest(things));
    assert_eq!(compared.len(), 2);
    assert!(compared.iter().all(|compared| compared.differences.is_empty()));
}

#[test]
fn differences_are_told_where_they_are() {
    assert_eq!(paths(json!({"a": {"b": 1}}), json!({"a": {"b": 2}})), ["a.b"]);
    assert_eq!(paths(json!({"a": 1}), json!({})), ["a"]);
    assert_eq!(paths(json!({}), json!({"a": null})), ["a"]);
    assert_eq!(paths(json!([{"a": 1}, {"a": 2}]), json!([{"a": 1}, {"a": 3}])), ["[1].a"]);
    assert_eq!(paths(json!(["a", "b"]), json!(["b", "a"])), ["[]"], "the order counts");
    assert_eq!(paths(json!(["a", "b", "b"]), json!(["a", "b"])), ["[]"], "and so does how often");
    assert_eq!(paths(json!("1"), json!(1)), [""], "and the type");
}

#[test]
fn what_only_one_side_has_is_a_difference() {
    let compared = compare(&harvest(json!({"a": 1})), &harvest(json!({"b": 1})));
    let told: Vec<_> = compared.iter().flat_map(|compared| &compared.differences).map(ToString::to_string).collect();
    assert_eq!(told, ["a at ``: theirs 1, ours nothing", "b at ``: theirs nothing, ours 1"]);
}
