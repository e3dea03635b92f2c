#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use boon::{Compiler, SchemaIndex, Schemas};

use super::*;
use crate::validate::file::tests::cases;
use crate::{ComponentKind, Defaults, default_version, facts_for, print_defaults, yaml};

pub(crate) struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    pub(crate) fn new() -> Self {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("https://example.com/schema.json", json_schema()).unwrap();
        let index = compiler.compile("https://example.com/schema.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    pub(crate) fn refuses(&self, document: &Value) -> Option<String> {
        self.schemas.validate(document, self.index).err().map(|error| format!("{error:#}"))
    }

    fn assert_takes(&self, text: &str, what: &str) {
        for document in yaml::documents(text.as_bytes()).unwrap() {
            assert_eq!(self.refuses(document.value()), None, "{what}:\n{text}");
        }
    }
}

#[test]
fn what_is_valid_is_taken() {
    let judge = Judge::new();
    let facts = facts_for(&default_version()).unwrap();
    for of in [Defaults::Init, Defaults::Join, Defaults::Reset, Defaults::Upgrade] {
        judge.assert_takes(&print_defaults(of, &ComponentKind::ALL, "vm", &facts), "defaults");
    }
    judge.assert_takes(include_str!("../../../tests/fixtures/full/v1beta4-local.yaml"), "local");
    judge.assert_takes(include_str!("../../../tests/fixtures/full/v1beta4-external.yaml"), "external");
    let migrated = yaml::embedded(include_str!("../../../tests/fixtures/kubeadm-1.36.2/migrate.yaml"));
    for case in migrated.as_array().unwrap() {
        judge.assert_takes(case["new"].as_str().unwrap(), "migrated");
    }
    judge.assert_takes(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens: null\nnodeRegistration: {ignorePreflightErrors: [a, null], imagePullPolicy: ''}\ntimeouts: {discovery: null}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncertificateValidityPeriod:\netcd: {local: {dataDir: null}, external: null}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {name: \" Node1\\u0085\"}\n",
        "null",
    );
}

#[test]
fn every_example_in_the_docs_is_valid() {
    let judge = Judge::new();
    let mut found = 0;
    let mut pages = vec![camino::Utf8PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"))];
    pages.push(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md").into());
    while let Some(path) = pages.pop() {
        if path.is_dir() {
            pages.extend(path.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()));
        } else if path.extension() == Some("md") {
            let text = std::fs::read_to_string(&path).unwrap();
            for example in examples(&text) {
                judge.assert_takes(&example, path.as_str());
                found += 1;
            }
        }
    }
    assert!(found > 0, "no example was found");
}

/// Fenced blocks that hold documents of kubeadm's group.
fn examples(page: &str) -> Vec<String> {
    let blocks = page.split("\n```").skip(1).step_by(2);
    let text = |block: &str| block.split_once('\n').map(|(_, text)| text.to_owned());
    blocks
        .filter_map(text)
        .filter(|text| text.lines().any(|line| line.starts_with("apiVersion: kubeadm.k8s.io/")))
        .collect()
}

/// What needs arithmetic, a table or two places at once. The components' own rules are not in the schema.
const UNSAYABLE: [&str; 29] = [
    "cluster/gate-removed-long-ago",
    "cluster/version-from-the-future",
    "cluster/version-too-old",
    "cluster/version-with-leading-zeros",
    "cluster/volume-name-twice",
    "documents/kind-twice",
    "etcd/external-with-a-word-for-a-port",
    "init/address-is-link-local",
    "init/address-is-loopback",
    "init/address-is-multicast",
    "init/all-checks-and-one",
    "init/node-name-too-long",
    "init/taint-key-with-a-space",
    "init/taint-twice",
    "init/taint-value",
    "init/token-groups-without-authentication",
    "init/token-twice",
    "networking/endpoint-port-too-high",
    "networking/node-mask-is-no-number",
    "networking/node-mask-out-of-reach",
    "networking/pod-subnet-much-larger-than-a-node",
    "networking/pod-subnet-smaller-than-a-node",
    "networking/pod-subnet-too-small",
    "networking/service-subnet-too-large",
    "networking/service-subnet-too-large-ipv6",
    "networking/service-subnet-too-small",
    "reset/all-checks-and-one",
    "syntax/empty",
    "types/duration-too-long",
];

#[test]
fn what_a_schema_can_refuse_is_refused() {
    let judge = Judge::new();
    let mut taken: Vec<String> = Vec::new();
    let mut refused = 0;
    for (group, case) in cases() {
        // What is no YAML, or has a key twice, never reaches a schema.
        let Ok(documents) = yaml::documents(&case.bytes()) else { continue };
        if documents.iter().any(|document| !document.duplicates().is_empty()) {
            continue;
        }
        if documents.iter().any(|document| judge.refuses(document.value()).is_some()) {
            refused += 1;
        } else if !group.starts_with("kube") {
            taken.push(format!("{group}/{}", case.name));
        }
    }
    taken.sort();
    assert_eq!(taken, UNSAYABLE);
    assert!(refused > 150, "{refused}");
}

#[test]
fn fields_say_what_they_are_for() {
    let schema = json_schema();
    let structs = schema["definitions"].as_object().unwrap();
    for (name, schema) in structs.iter().filter(|(name, _)| !name.starts_with("Kube")) {
        assert!(schema["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}");
        for (field, schema) in schema["properties"].as_object().unwrap() {
            let told = schema["description"].as_str().is_some_and(|text| text.len() > 8);
            assert!(told || ["apiVersion", "kind"].contains(&field.as_str()), "{name}.{field}");
        }
    }
}
