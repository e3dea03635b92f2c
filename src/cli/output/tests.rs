//! Every form of output, against what kubeadm 1.36.2 prints for the same object.

use serde::Serialize;
use serde_json::json;

use super::document::Document;
use super::{Object, OutputArgs, kyaml};

#[derive(Serialize)]
struct Images {
    images: Vec<String>,
}

fn images() -> Object<Images> {
    let images = ["registry.k8s.io/pause:3.10.2", "registry.k8s.io/etcd:3.6.8-0"].map(str::to_owned);
    Object::new("Images", Images { images: images.into() })
}

fn args(output: &str, allow_missing_template_keys: bool) -> OutputArgs {
    OutputArgs { output: output.into(), allow_missing_template_keys, show_managed_fields: false }
}

fn printed(output: &str) -> String {
    args(output, true).printer().and_then(|mut printer| printer.print(&images(), || "text".into())).unwrap()
}

fn refused(output: &str, allow_missing: bool) -> String {
    let outcome = args(output, allow_missing).printer();
    outcome.and_then(|mut printer| printer.print(&images(), String::new)).unwrap_err().to_string()
}

#[test]
fn structured_forms() {
    assert_eq!(printed("text"), "text");
    let json = "{\n    \"kind\": \"Images\",\n    \"apiVersion\": \"output.kubeadm.k8s.io/v1alpha3\",\n    \"images\": [\n        \"registry.k8s.io/pause:3.10.2\",\n        \"registry.k8s.io/etcd:3.6.8-0\"\n    ]\n}\n";
    assert_eq!(printed("json"), json);
    let yaml = "apiVersion: output.kubeadm.k8s.io/v1alpha3\nimages:\n- registry.k8s.io/pause:3.10.2\n- registry.k8s.io/etcd:3.6.8-0\nkind: Images\n";
    assert_eq!(printed("yaml"), yaml);
    let kyaml = "---\n{\n  kind: \"Images\",\n  apiVersion: \"output.kubeadm.k8s.io/v1alpha3\",\n  images: [\n    \"registry.k8s.io/pause:3.10.2\",\n    \"registry.k8s.io/etcd:3.6.8-0\",\n  ],\n}\n";
    assert_eq!(printed("kyaml"), kyaml);
}

#[test]
fn several_objects_are_documents_of_one_stream() {
    let mut printer = args("yaml", true).printer().unwrap();
    let first = printer.print(&json!({"a": 1}), String::new).unwrap();
    let second = printer.print(&json!({"a": 2, "metadata": {"managedFields": [1], "name": "x"}}), String::new).unwrap();
    assert_eq!(first + &second, "a: 1\n---\na: 2\nmetadata:\n  name: x\n");
}

#[test]
fn go_templates() {
    for (template, wanted) in [
        (r#"{{range .images}}{{.}}{{"\n"}}{{end}}"#, "registry.k8s.io/pause:3.10.2\nregistry.k8s.io/etcd:3.6.8-0\n"),
        ("{{.nope}}", "<no value>"),
        ("{{len .images}}", "2"),
        ("{{if exists . \"kind\"}}{{.kind}}{{end}}", "Images"),
        ("{{exists .images 5}}", "false"),
        ("{{\"aGk=\" | base64decode}}", "hi"),
    ] {
        assert_eq!(printed(&format!("go-template={template}")), wanted, "{template}");
        assert_eq!(printed(&format!("template={template}")), wanted, "{template}");
    }
    assert!(refused("go-template={{.nope}}", false).contains("error executing template"));
    assert!(refused("go-template={{", true).contains("error parsing template {{"));
}

/// kubeadm's answers to the same paths.
#[test]
fn json_paths() {
    for (path, wanted) in [
        ("{.images[-1]}", "registry.k8s.io/etcd:3.6.8-0"),
        ("{.images[0,1]}", "registry.k8s.io/pause:3.10.2 registry.k8s.io/etcd:3.6.8-0"),
        ("{.images[0:2:2]}", "registry.k8s.io/pause:3.10.2"),
        (r#"{.images[?(@=="registry.k8s.io/pause:3.10.2")]}"#, "registry.k8s.io/pause:3.10.2"),
        ("{['kind','apiVersion']}", "Images output.kubeadm.k8s.io/v1alpha3"),
        ("{.images}", r#"["registry.k8s.io/pause:3.10.2","registry.k8s.io/etcd:3.6.8-0"]"#),
        ("x{.kind}y", "xImagesy"),
        ("{ .kind }{$.kind}{@.kind}", "ImagesImagesImages"),
        (r#"{range .images[*]}{@}{"\t"}{end}."#, "registry.k8s.io/pause:3.10.2\tregistry.k8s.io/etcd:3.6.8-0\t."),
        ("{range .nope[*]}{@}{end}", ""),
        ("{.images[*].x}{.kind.x}{.nope}", ""),
        (r#"{"a\"b"}{'q'}{true}{1}"#, "a\"bqtrue1"),
        (".kind", ".kind"),
        ("{..images[0]}", "registry.k8s.io/pause:3.10.2"),
        ("{range .images[*]}", ""),
    ] {
        assert_eq!(printed(&format!("jsonpath={path}")), wanted, "{path}");
    }
    let json = "[\n    \"registry.k8s.io/pause:3.10.2\"\n]\n";
    assert_eq!(printed("jsonpath-as-json={.images[0:1]}"), json);
    for (path, wanted) in [
        ("{.images[9]}", "array index out of bounds: index 9, length 2"),
        ("{.images[9:]}", "array index out of bounds: index 9, length 2"),
        ("{.images[", "unterminated array"),
        ("{.a", "unclosed action"),
        ("{foo}", "unrecognized identifier foo"),
        ("{end}", "not in range, nothing to end"),
        ("{[0]}", "is not array or slice"),
        ("{.images[x]}", "invalid array index x"),
        ("{.images[?(@==}", "a path begins"),
        ("{'", "unterminated quoted string"),
    ] {
        let said = refused(&format!("jsonpath={path}"), true);
        assert!(said.contains(wanted), "{path}: {said}");
    }
    assert!(refused("jsonpath={.nope}", false).contains("nope is not found"));
}

#[test]
fn filters_compare_what_items_have() {
    let object = json!({"items": [{"n": 1, "s": "a"}, {"n": 2}, {"s": "b", "x.y": true}]});
    let find = |path: &str| super::JsonPath::parse(path, true).and_then(|path| path.render(&object)).unwrap();
    assert_eq!(find("{.items[?(@.n>1)].n}"), "2");
    assert_eq!(find("{.items[?(@.s)].s}"), "a b");
    assert_eq!(find("{.items[?(@.s!='a')].s}"), "b");
    assert_eq!(find(r"{.items[*].x\.y}"), "true");
    assert_eq!(find("{.items[?(@.n<=1)].s}{.items[?(@.n==9)].s}"), "a");
}

#[test]
fn a_wrong_form_names_the_right_ones() {
    let wanted = "could not construct output printer: unable to match a printer suitable for the output format \"json=foo\", allowed formats are: go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,template,templatefile,text,yaml";
    assert_eq!(refused("json=foo", true), wanted);
    for form in ["go-template", "jsonpath", "jsonpath-file="] {
        assert!(refused(form, true).ends_with("template format specified but no template given"), "{form}");
    }
}

#[test]
fn kyaml_quotes_what_could_be_taken_for_something_else() {
    let object = json!({"no": [], "a-b": {}, "1x": null, "l": [{"i": 1}, {"i": 2.5}], "t": "a\n\"b\""});
    let said = kyaml::to_string(&Document::of(&object).unwrap());
    let wanted = "---\n{\n  \"1x\": null,\n  a-b: {},\n  l: [{\n    i: 1,\n  }, {\n    i: 2.5,\n  }],\n  \"no\": [],\n  t: \"a\\n\\\"b\\\"\",\n}\n";
    assert_eq!(said, wanted);
}
