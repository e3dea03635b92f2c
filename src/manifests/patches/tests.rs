//! Patches as files, from their names to the patched object.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixture::defaults;
use crate::{ControlPlaneNode, EtcdStart, kube_apiserver, kube_controller_manager, kube_scheduler};

const ALL: [Target; 7] = [
    Target::Etcd,
    Target::KubeApiserver,
    Target::KubeControllerManager,
    Target::KubeScheduler,
    Target::KubeletConfiguration,
    Target::CorednsDeployment,
    Target::KubeProxyDaemonSet,
];
const TYPES: [PatchType; 3] = [PatchType::Json, PatchType::Merge, PatchType::Strategic];

/// Reads files in the given order.
fn parse(files: &[(&str, &str)]) -> Result<Patches, PatchError> {
    let texts: BTreeMap<&Utf8Path, &str> = files.iter().map(|(path, text)| (Utf8Path::new(path), *text)).collect();
    let paths = files.iter().map(|(path, _)| Utf8PathBuf::from(path)).collect();
    Patches::parse(paths, &ALL, |path| texts.get(path).map(|text| text.as_bytes().to_vec()))
}

/// An object of each target, as `init` makes it.
fn object(target: Target) -> Value {
    let init = defaults("v1.36.2");
    let node = ControlPlaneNode::of_init(&init.init, &init.cluster, &init.facts);
    let pod = match target {
        Target::Etcd => crate::etcd(&node, EtcdStart::NewCluster),
        Target::KubeApiserver => kube_apiserver(&node),
        Target::KubeControllerManager => kube_controller_manager(&node),
        Target::KubeScheduler => kube_scheduler(&node),
        Target::KubeletConfiguration => return init.kubelet.with_node(),
        Target::CorednsDeployment => {
            let objects = crate::coredns(&init.cluster, &init.facts, None).unwrap();
            return objects.into_iter().find(|object| object["kind"] == "Deployment").unwrap();
        }
        Target::KubeProxyDaemonSet => {
            let (local, document) = (&init.init.local_api_endpoint, &init.kube_proxy);
            let objects = crate::kube_proxy(&init.cluster, document, local, &init.facts, &[]).unwrap();
            return objects.into_iter().find(|object| object["kind"] == "DaemonSet").unwrap();
        }
    };
    yaml::document(pod.unwrap().yaml.as_bytes()).unwrap().value().clone()
}

fn apply(target: Target, files: &[(&str, &str)]) -> Result<Patched<Value>, PatchError> {
    parse(files)?.apply(target, object(target))
}

/// An error with its causes, as the user sees them.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[test]
fn every_type_patches_every_target() {
    for target in ALL {
        for kind in TYPES {
            for extension in ["json", "yaml"] {
                let text = match kind {
                    PatchType::Json => {
                        r#"[{"op": "add", "path": "/metadata", "value": {"name": "NAME", "labels": {"a": "b"}}}]"#
                    }
                    _ => r#"{"metadata": {"labels": {"a": "b"}}}"#,
                };
                let name =
                    object(target).pointer("/metadata/name").and_then(Value::as_str).unwrap_or("none").to_owned();
                let file = format!("{target}+{kind}.{extension}");
                let patched = apply(target, &[(&file, &text.replace("NAME", &name))]).unwrap();
                assert_eq!(patched.value["metadata"]["labels"]["a"], "b", "{file}");
                assert_eq!(patched.applied, [kind], "{file}");
                for other in ALL.into_iter().filter(|other| *other != target) {
                    let untouched = apply(other, &[(&file, text)]).unwrap();
                    assert_eq!((untouched.value, untouched.applied), (object(other), vec![]), "{file} for {other}");
                }
            }
        }
    }
}

#[test]
fn names_say_target_and_type() {
    use Name::{Patch, WrongType};
    use PatchType::{Json, Merge, Strategic};
    use Target::{Etcd, KubeApiserver, KubeletConfiguration};
    for (name, expected) in [
        ("etcd.yaml", Patch(Etcd, Strategic)),
        ("etcd.json", Patch(Etcd, Strategic)),
        ("kube-apiserver0+merge.yaml", Patch(KubeApiserver, Merge)),
        ("kube-apiserver-any suffix+json.json", Patch(KubeApiserver, Json)),
        ("kubeletconfiguration1+strategic.yaml", Patch(KubeletConfiguration, Strategic)),
        // kubeadm looks for the type where the suffix ends, and at its beginning only.
        ("etcd.x+json.yaml", Patch(Etcd, Strategic)),
        ("etcd+mergers.yaml", Patch(Etcd, Merge)),
        ("etcd+.yaml", WrongType),
        ("etcd+foo.yaml", WrongType),
        ("etcd0+Json.yaml", WrongType),
    ] {
        assert_eq!(file_name::read(name, &ALL), expected, "{name}");
    }
    for name in [
        "etcd.yml",
        "etcd",
        "etcd+foo.txt",
        ".yaml",
        "yaml",
        "\n.yaml",
        "ETCD.yaml",
        "my-etcd.yaml",
        "kube-proxy.json",
        "",
    ] {
        assert!(matches!(file_name::read(name, &ALL), Name::Other(_)), "{name}");
    }
    let few = [Etcd];
    assert_eq!(
        file_name::read("kubeletconfiguration.yaml", &few),
        Name::Other("unknown target, must be one of [etcd]".to_owned())
    );
    assert_eq!(
        file_name::read("kubeletconfiguration+bad.yaml", &few),
        file_name::read("kubeletconfiguration.yaml", &few)
    );
}

#[test]
fn targets_grow_with_versions() {
    let names =
        |version: &str| Target::all_of(&defaults(version).facts).into_iter().map(Target::name).collect::<Vec<_>>();
    let pods = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
    assert_eq!(names("v1.20.2"), pods);
    assert_eq!(names("v1.24.0"), pods);
    assert_eq!(names("v1.25.0"), [&pods[..], &["kubeletconfiguration"]].concat());
    assert_eq!(names("v1.30.0"), [&pods[..], &["kubeletconfiguration"]].concat());
    assert_eq!(names("v1.31.0"), [&pods[..], &["kubeletconfiguration", "corednsdeployment"]].concat());
    assert_eq!(names("v1.36.2"), names("v1.31.0"));
}

#[test]
fn files_apply_in_their_order_and_documents_in_theirs() {
    let label = |value: &str| format!("metadata: {{labels: {{a: {value}}}}}\n");
    let files = [
        ("d/a/etcd9.yaml", label("first")),
        (
            "d/etcd0+merge.yaml",
            format!("# said first\n---\n{}---\n# a comment\n---\n{}", label("second"), label("third")),
        ),
        ("d/z/etcd.json", r#"{"metadata": {"labels": {"b": "last"}}}"#.to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let patches = parse(&files).unwrap();
    assert_eq!(patches.files().collect::<Vec<_>>(), ["d/a/etcd9.yaml", "d/etcd0+merge.yaml", "d/z/etcd.json"]);
    let patched = patches.apply(Target::Etcd, object(Target::Etcd)).unwrap();
    assert_eq!(patched.value["metadata"]["labels"]["a"], "third");
    assert_eq!(patched.value["metadata"]["labels"]["b"], "last");
    use PatchType::{Merge, Strategic};
    assert_eq!(patched.applied, [Strategic, Merge, Merge, Strategic]);
}

#[test]
fn what_is_no_patch_is_told_and_not_read() {
    let paths = ["README.md", "kube-proxy.yaml", "sub/etcd.yml", "etcd0.yaml", "etcd1+json.json", "etcd2.yaml"];
    let mut asked = Vec::new();
    let patches = Patches::parse(paths.map(Into::into).to_vec(), &ALL, |path| {
        asked.push(path.to_string());
        Some(if path == "etcd2.yaml" { b"---\n# nothing\n".to_vec() } else { Vec::new() })
    })
    .unwrap();
    assert_eq!(asked, ["etcd0.yaml", "etcd1+json.json", "etcd2.yaml"]);
    let ignored: Vec<_> = patches.ignored().iter().map(|ignored| ignored.path.as_str()).collect();
    assert_eq!(ignored, paths);
    assert_eq!(patches.ignored()[0].reason.as_deref().unwrap(), "the file extension must be one of [json yaml]");
    assert_eq!(patches.ignored()[3].reason, None, "it is empty");
    assert_eq!(patches.files().count(), 0);
}

#[test]
fn errors_name_the_file_and_the_target() {
    let cases = [
        ("etcd+bad.yaml", "{}", "the name of the patch file `etcd+bad.yaml` has an unknown or no type after `+`"),
        ("etcd.yaml", "a: [", "cannot read the patch file `etcd.yaml` for etcd as YAML or JSON: "),
        ("etcd.yaml", "--- text\n", "cannot read the patch file `etcd.yaml` for etcd as YAML or JSON: "),
        ("etcd.yaml", "- a", "the patch file `etcd.yaml` for etcd is no strategic patch: it must be an object"),
        ("etcd+merge.yaml", "5", "the patch file `etcd+merge.yaml` for etcd is no merge patch: it must be an object"),
        (
            "etcd+json.yaml",
            "a: b",
            "the patch file `etcd+json.yaml` for etcd is no json patch: it must be a list of op",
        ),
        ("etcd+json.yaml", "- {op: put, path: /a}", "the patch file `etcd+json.yaml` for etcd is no json patch: "),
        (
            "etcd+json.yaml",
            "- {op: remove, path: /a/b}",
            "cannot apply the json patch `etcd+json.yaml` to etcd: operation",
        ),
        (
            "etcd+json.yaml",
            "- {op: test, path: /kind, value: x}",
            "cannot apply the json patch `etcd+json.yaml` to etcd: ",
        ),
        (
            "etcd.yaml",
            "spec: {containers: [{image: a}]}",
            "cannot apply the strategic patch `etcd.yaml` to etcd: an item of",
        ),
        (
            "etcd.yaml",
            "kind: Job",
            "the patches of etcd (`etcd.yaml`) leave something unusable: `v1 Job` instead of `v1 Pod`",
        ),
        ("etcd.yaml", "$patch: delete", "the patches of etcd (`etcd.yaml`) leave something unusable: ` ` instead of"),
        (
            "etcd.yaml",
            "metadata: {name: x}",
            "the patches of etcd (`etcd.yaml`) leave something unusable: the name `x`",
        ),
        (
            "etcd.yaml",
            "spec: {containers: [{name: etcd, env: [{name: A, value: 5}]}]}",
            "the patches of etcd (`etcd.yaml`) leave",
        ),
        (
            "etcd+merge.yaml",
            "spec: {containers: []}",
            "the patches of etcd (`etcd+merge.yaml`) leave something unusable: a pod",
        ),
        (
            "etcd+json.yaml",
            "- {op: replace, path: '', value: 5}",
            "the patches of etcd (`etcd+json.yaml`) leave something",
        ),
        (
            "kubeletconfiguration.yaml",
            "kind: null",
            "the patches of kubeletconfiguration (`kubeletconfiguration.yaml`) leave",
        ),
        (
            "corednsdeployment.yaml",
            "spec: {replicas: two}",
            "the patches of corednsdeployment (`corednsdeployment.yaml`) leave",
        ),
    ];
    for (file, text, expected) in cases {
        let target = ALL.into_iter().find(|target| file.starts_with(target.name())).unwrap();
        let error = chain(&apply(target, &[(file, text)]).unwrap_err());
        assert!(error.starts_with(expected), "{file} `{text}`: {error}");
    }
    let unreadable = Patches::parse(vec!["d/etcd.yaml".into()], &ALL, |_| None).unwrap_err();
    assert!(unreadable.to_string().starts_with("cannot read the patch file `d/etcd.yaml`"), "{unreadable}");
}

#[test]
fn a_pod_without_patches_keeps_its_bytes_and_a_patched_one_its_form() {
    let init = defaults("v1.20.2");
    let node = ControlPlaneNode::of_init(&init.init, &init.cluster, &init.facts);
    let pod = kube_scheduler(&node).unwrap();
    let other = parse(&[("etcd.yaml", "metadata: {labels: {a: b}}")]).unwrap();
    assert_eq!(other.apply_to_pod(pod.clone()).unwrap().value, pod);
    let same = parse(&[("kube-scheduler.yaml", "metadata: {labels: {tier: control-plane}}")]).unwrap();
    let patched = same.apply_to_pod(pod.clone()).unwrap();
    assert_eq!(patched.value, pod, "a patch that changes nothing changes no byte, null time of creation included");
    assert_eq!(patched.applied, [PatchType::Strategic]);
}

#[test]
fn a_typed_object_has_neither_nulls_nor_empty_lists_nor_bare_quantities() {
    let operations = r#"
- {op: add, path: /spec/containers/0/env, value: null}
- {op: add, path: /spec/containers/0/ports, value: []}
- {op: add, path: /spec/hostAliases, value: []}
- {op: replace, path: /spec/containers/0/resources, value: {requests: {cpu: 1, memory: 1.5, x: 1Gi}, limits: {cpu: 2}}}
- {op: add, path: /spec/volumes/-, value: {name: v, emptyDir: {sizeLimit: 100}}}
"#;
    let pod = apply(Target::KubeScheduler, &[("kube-scheduler+json.yaml", operations)]).unwrap().value;
    for gone in ["/spec/containers/0/env", "/spec/containers/0/ports", "/spec/hostAliases"] {
        assert_eq!(pod.pointer(gone), None, "{gone}");
    }
    let resources = json!({"requests": {"cpu": "1", "memory": "1.5", "x": "1Gi"}, "limits": {"cpu": "2"}});
    assert_eq!(pod["spec"]["containers"][0]["resources"], resources);
    assert_eq!(pod["spec"]["volumes"].as_array().unwrap().last().unwrap()["emptyDir"]["sizeLimit"], "100");
}

#[test]
fn lists_of_the_kubelets_configuration_are_replaced() {
    let text =
        "clusterDNS: [10.0.0.53]\nevictionHard: {memory.available: 5%}\nstaticPodPath: null\nfeatureGates: {A: true}\n";
    let kubelet = apply(Target::KubeletConfiguration, &[("kubeletconfiguration.yaml", text)]).unwrap().value;
    assert_eq!(kubelet["clusterDNS"], json!(["10.0.0.53"]));
    assert_eq!(kubelet["evictionHard"], json!({"memory.available": "5%"}));
    assert_eq!(kubelet.get("staticPodPath"), None);
    assert_eq!(kubelet["authentication"], object(Target::KubeletConfiguration)["authentication"]);
}

#[test]
fn containers_of_the_deployment_are_merged() {
    let text = "spec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: coredns\n        resources: {limits: {memory: 200Mi}}\n      tolerations: [{operator: Exists}]\n";
    let (before, after) = (
        object(Target::CorednsDeployment),
        apply(Target::CorednsDeployment, &[("corednsdeployment.yaml", text)]).unwrap().value,
    );
    assert_eq!(after["spec"]["replicas"], 3);
    assert_eq!(after.pointer("/spec/template/spec/tolerations"), Some(&json!([{"operator": "Exists"}])));
    let coredns = "/spec/template/spec/containers/0";
    assert_eq!(after.pointer(&format!("{coredns}/resources/limits/memory")), Some(&json!("200Mi")));
    for kept in ["image", "args", "volumeMounts", "ports", "resources/requests"] {
        let kept = format!("{coredns}/{kept}");
        assert_eq!(after.pointer(&kept), before.pointer(&kept), "{kept}");
    }
}

#[test]
fn json_may_be_indented_with_tabs() {
    let text = "{\n\t\"metadata\": {\n\t\t\"labels\": {\"a\": \"b\"}\n\t}\n}\n";
    assert_eq!(apply(Target::Etcd, &[("etcd.json", text)]).unwrap().value["metadata"]["labels"]["a"], "b");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn reading_never_panics(
        target in proptest::sample::select(&ALL[..]),
        suffix in "[a-z+.]{0,12}",
        extension in proptest::sample::select(&["json", "yaml", "yml"][..]),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let file = Utf8PathBuf::from(format!("{target}{suffix}.{extension}"));
        let _ = Patches::parse(vec![file], &ALL, |_| Some(bytes.clone()));
    }

    #[test]
    fn applying_never_panics(
        kind in proptest::sample::select(&TYPES[..]),
        text in "(([ ]{0,6}- ?|[ ]{0,8})(spec|containers|name|metadata|finalizers|volumes|\\$patch|\\$retainKeys|\\$setElementOrder/containers|\\$deleteFromPrimitiveList/finalizers|op|path|value): ?(\\[\\]|\\{\\}|null|delete|replace|etcd|add|/spec/0|/-|5|\\[name\\]|\\[\\{name: etcd\\}\\])?\n){0,12}",
    ) {
        let file = Utf8PathBuf::from(format!("etcd+{kind}.yaml"));
        if let Ok(patches) = Patches::parse(vec![file], &ALL, |_| Some(text.clone().into_bytes())) {
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "etcd", "finalizers": ["a"]},
                "spec": {"containers": [{"name": "etcd"}], "volumes": [{"name": "v"}]},
            });
            let _ = patches.apply(Target::Etcd, pod);
        }
    }
}
