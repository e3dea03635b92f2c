#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn one(text: &str) -> Document {
    document(text.as_bytes()).unwrap()
}

#[test]
fn splits_at_separators() {
    let count = |text: &str| documents(text.as_bytes()).map(|found| found.len());
    assert_eq!(count("a: 1\n---\nb: 2\n"), Ok(2));
    assert_eq!(count("---\na: 1\n---   # end\n"), Ok(1));
    assert_eq!(count("a: 1\n---"), Ok(1));
    assert_eq!(count("---\na: 1\n---\n\n"), Ok(2), "what follows the last separator is a document");
    assert_eq!(count("# comment\n---\na: 1\n"), Ok(2));
    assert_eq!(count(""), Ok(0));
    let error = count("a: 1\n--- b\n").unwrap_err();
    assert_eq!((error.line, error.reason.as_str()), (Some(2), "text beside the document separator: `b`"));
}

#[test]
fn tells_the_line_of_a_syntax_error_in_the_file() {
    let error = documents(b"a: 1\n---\nb: 1\nc: [\n").unwrap_err();
    assert!(error.line.is_some_and(|line| line >= 4), "{error:?}");
    assert!(documents(b"a: 1\nb: \xff\n").is_err_and(|error| error.line == Some(2)));
}

#[test]
fn finds_fields_by_their_path() {
    let text = "# head\napiServer:\n  extraArgs:\n  - name: v\n    value: \"4\"\n  -   name: w\n      value: |\n        x: y\n        z: 1\n  certSANs:\n    - a\n    - b\n'quoted': {x: 1}\n\nnodes:\n- - 1\n  - 2\n";
    let document = one(text);
    for (path, line) in [
        ("apiServer", 2),
        ("apiServer.extraArgs[0].value", 5),
        ("apiServer.extraArgs[1].name", 6),
        ("apiServer.extraArgs[1].value", 7),
        ("apiServer.extraArgs[1].value.x", 7),
        ("apiServer.certSANs[1]", 12),
        ("quoted.x", 13),
        ("nodes[0][1]", 17),
        ("missing", 1),
    ] {
        assert_eq!(document.line(path), line, "{path}");
    }
}

#[test]
fn lines_count_from_the_start_of_the_file() {
    let found = documents(b"a: 1\n---\nb: 2\n").unwrap();
    assert_eq!(found[1].line("b"), 3);
}

#[test]
fn notes_duplicate_keys_and_takes_the_last() {
    let document = one("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n");
    assert_eq!(document.value(), &json!({"a": 3, "b": {"c": 2}}));
    let duplicate = |path: &str, first_line, line| Duplicate { path: path.to_owned(), first_line, line };
    assert_eq!(document.duplicates(), [duplicate("b.c", 3, 4), duplicate("a", 1, 5)]);
    assert_eq!(document.line("a"), 5, "the one that counts");
    assert_eq!(one("a:\n- b: 1\n  b: 2\n").duplicates(), [duplicate("a[0].b", 2, 3)]);
}

#[test]
fn finds_fields_in_flow_style_and_json() {
    let document = one("{\n  \"a\": {\n    \"b.c\": [\n      1,\n      {\"d\": 2,\n       \"e\": 3}]}}\n");
    assert_eq!(document.value(), &json!({"a": {"b.c": [1, {"d": 2, "e": 3}]}}));
    for (path, line) in [("a", 2), ("a.b.c", 3), ("a.b.c[0]", 4), ("a.b.c[1].d", 5), ("a.b.c[1].e", 6), ("a.x", 2)] {
        assert_eq!(document.line(path), line, "{path}");
    }
}

#[test]
fn reads_scalars_as_yaml_1_1() {
    let document = one("a: no # really\nb: \"no\"\nc: [yes]\nd:\n- on\ne.f: off\n? g\n: y\n");
    let expected = json!({"a": false, "b": "no", "c": [true], "d": [true], "e.f": false, "g": true});
    assert_eq!(document.value(), &expected);
    for (text, value) in [
        ("010", json!(8)),
        ("0o10", json!(8)),
        ("08", json!(8)),
        ("0x1F", json!(31)),
        ("-0b11", json!(-3)),
        ("1_000", json!(1000)),
        ("+5", json!(5)),
        ("1e3", json!(1000)),
        ("6443.0", json!(6443)),
        (".5", json!(0.5)),
        ("18446744073709551615", json!(u64::MAX)),
        ("+", json!("+")),
        ("0x", json!("0x")),
        ("1:30", json!("1:30")),
        ("2026-01-02", json!("2026-01-02")),
        ("1e", json!("1e")),
        ("10.96.0.0", json!("10.96.0.0")),
        ("!!str 5", json!("5")),
        ("!!int \"5\"", json!(5)),
        ("!mine x", json!("x")),
    ] {
        assert_eq!(one(&format!("k: {text}\n")).value()["k"], value, "{text}");
    }
    for text in [
        ".inf",
        "-.INF",
        ".nan",
        "!!int x",
        "!!binary aGk=",
        "*missing",
        "{[a]: b}",
        "{? {a: b} : c}",
        "&a [*a]",
        "{~: 1}",
    ] {
        assert!(document_of(text).is_err(), "{text}");
    }
}

fn document_of(value: &str) -> Result<Document, ConfigError> {
    document(format!("k: {value}\n").as_bytes())
}

#[test]
fn merges_and_repeats() {
    let document = one("x: &x {a: 1, b: 2}\nv:\n  <<: *x\n  b: 3\nz: {<<: [*x, {c: 4}], \"<<\": 5}\nw: *x\n");
    let x = json!({"a": 1, "b": 2});
    let expected = json!({"x": x, "v": {"a": 1, "b": 3}, "z": {"a": 1, "b": 2, "c": 4, "<<": 5}, "w": x});
    assert_eq!(document.value(), &expected);
    assert_eq!(document.line("w.a"), 6, "where the alias stands");
}

#[test]
fn one_part_holds_one_document() {
    assert!(documents(b"a: 1\n...\n").is_ok());
    assert!(documents(b"a: 1\n...\nb: 2\n").is_err());
}

#[test]
fn many_aliases_are_refused_quickly() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        text += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
    }
    assert!(documents(text.as_bytes()).is_err());
    assert!(documents(&vec![b'a'; MAX_BYTES + 1]).is_err());
    assert!(documents("[".repeat(100_000).as_bytes()).is_err());
    assert!(documents(format!("[{}]", "[],".repeat(250_000)).as_bytes()).is_err());
    let large = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 10_000].join(","));
    assert!(documents(large.as_bytes()).is_err());
    let anchors: String = (0..90).map(|level| format!("[&a{level} ")).collect();
    let nested = format!("{anchors}[{}]{}", "1,".repeat(50_000), "]".repeat(90));
    assert!(documents(nested.as_bytes()).is_err(), "copies for aliases count");
    assert!(documents(format!("? {}\n: 1\n", "k".repeat(2000)).as_bytes()).is_err());
}

#[test]
fn quotes_as_kubeadm_does() {
    for (value, text) in [
        ("", "\"\""),
        ("true", "\"true\""),
        ("yes", "\"yes\""),
        ("0", "\"0\""),
        ("1.20", "\"1.20\""),
        ("0x1f", "\"0x1f\""),
        ("1e3", "\"1e3\""),
        ("+_1", "\"+_1\""),
        ("1:30", "\"1:30\""),
        ("2026-01-02", "\"2026-01-02\""),
        ("2026-01-02T03:04:05Z", "\"2026-01-02T03:04:05Z\""),
        ("<<", "\"<<\""),
        ("*", "'*'"),
        ("::", "'::'"),
        ("a: b", "'a: b'"),
        ("a #b", "'a #b'"),
        ("- a", "'- a'"),
        ("it's", "it's"),
        ("'a'", "'''a'''"),
        ("[fd00::a]:6443", "'[fd00::a]:6443'"),
        ("10.96.0.10", "10.96.0.10"),
        ("10.96.0.0/12", "10.96.0.0/12"),
        ("unix:///x", "unix:///x"),
        ("--k=v", "--k=v"),
        ("-a", "-a"),
        ("fd00::1", "fd00::1"),
        ("4m0s", "4m0s"),
        ("a\tb", "\"a\\tb\""),
        ("é", "é"),
    ] {
        assert_eq!(to_string(&json!({"k": value})), format!("k: {text}\n"));
    }
    assert_eq!(to_string(&json!({"k": "a\n b\n"})), "k: |\n  a\n   b\n");
    assert_eq!(to_string(&json!({"k": "a\nb"})), "k: |-\n  a\n  b\n");
    assert_eq!(to_string(&json!({"k": "a\n\n"})), "k: |+\n  a\n\n");
    assert_eq!(to_string(&json!({"k": {"l": [" a\nb"]}})), "k:\n  l:\n  - |2-\n     a\n    b\n");
}

#[test]
fn sorts_naturally_and_does_not_indent_lists() {
    let value = json!({"b": [{"d": [1, []], "c": {}}], "a10": 1, "a9": null, "B": true, "_x": 1.5, "a9b": 0});
    assert_eq!(to_string(&value), "_x: 1.5\nB: true\na9: null\na9b: 0\na10: 1\nb:\n- c: {}\n  d:\n  - 1\n  - []\n");
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[ -~\n]{0,12}",
        "[-+.0-9:_exoT]{1,12}",
        Just("no".to_owned()),
        Just("~".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in any_value()) {
        let text = to_string(&value);
        let read: Value = serde_yaml::from_str(&text).unwrap();
        prop_assert_eq!(&read, &value, "{}", text);
        // Our own reader takes more forms of numbers.
        let ours = document(text.as_bytes()).unwrap();
        prop_assert_eq!(ours.value(), &value, "{}", text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = documents(&bytes);
    }

    #[test]
    fn yaml_like_text_is_read_or_refused(text in "[-:a&*!|>'\"{}\\[\\]# \n]{0,80}") {
        let _ = documents(text.as_bytes());
    }
}
