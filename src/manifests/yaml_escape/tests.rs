//! Any value comes back from a template as it was.

#![allow(clippy::unwrap_used)]

use kubewright_config::yaml;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{flow, write_quoted};

fn read(text: &str) -> Value {
    yaml::document(text.as_bytes()).unwrap().value().clone()
}

fn through(string: &str) -> Value {
    let mut text = String::from("key: ");
    write_quoted(&mut text, string).unwrap();
    assert_eq!(text.lines().count(), 1, "a value never spans lines: {text}");
    read(&text)["key"].clone()
}

#[test]
fn keeps_what_yaml_would_read_as_something_else() {
    for text in
        ["", "true", "no", "~", "null", "1.20", "0x10", "- a", "a: b", "#", "a #b", "[", "{{", "%", "@", "\\", "\""]
    {
        assert_eq!(through(text), json!(text));
    }
}

#[test]
fn keeps_characters_that_yaml_refuses_or_folds() {
    for c in [
        '\0',
        '\x07',
        '\x1b',
        '\t',
        '\r',
        '\n',
        '\x7f',
        '\u{85}',
        '\u{9f}',
        '\u{2028}',
        '\u{feff}',
        '\u{ffff}',
        '\u{1f980}',
    ] {
        let text = format!("a {c} b\n---\n{c}");
        assert_eq!(through(&text), json!(text), "{c:?}");
    }
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_string_comes_back(text in any::<String>()) {
        prop_assert_eq!(through(&text), json!(text));
    }

    #[test]
    fn any_value_comes_back_from_flow_form(value in arbitrary_json()) {
        let text = format!("key: {}", flow(&value));
        prop_assert_eq!(&read(&text)["key"], &value);
    }
}
