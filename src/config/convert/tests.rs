//! No field may get lost on its way from a file to the internal form and back.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::load::Told;
use crate::load::tests::machine;
use crate::reading::Reading;
use crate::schema::Definitions;
use crate::whole::{self, Whole};
use crate::wire::Wire;
use crate::{migrate, v1beta2, v1beta3, v1beta4, yaml};

use super::Machine;

/// Files in which every field has a value that is not its default; two, since some fields exclude each other.
const V1BETA4: [&str; 2] = [
    include_str!("../../../tests/fixtures/full/v1beta4-local.yaml"),
    include_str!("../../../tests/fixtures/full/v1beta4-external.yaml"),
];
const V1BETA3: [&str; 2] = [
    include_str!("../../../tests/fixtures/full/v1beta3-local.yaml"),
    include_str!("../../../tests/fixtures/full/v1beta3-external.yaml"),
];
const V1BETA2: [&str; 2] = [
    include_str!("../../../tests/fixtures/full/v1beta2-local.yaml"),
    include_str!("../../../tests/fixtures/full/v1beta2-external.yaml"),
];

/// What the internal form has no use for: when a taint was added, and what v1beta2 knows only one value of.
const UNUSED: [&str; 3] = ["Taint.timeAdded", "Dns.type", "ClusterConfiguration.useHyperKubeImage"];

fn read(text: &str) -> Result<Whole, String> {
    let mut told = Told::default();
    let documents = whole::documents(text.as_bytes(), &mut told);
    let host = machine();
    let random: &mut dyn FnMut(&mut [u8]) = &mut |bytes| bytes.fill(1);
    let mut machine = Machine { host: &host, detect_runtime: false, needs_address: true, random };
    let whole = whole::read(&documents, Reading::default(), &mut machine, &mut told);
    match told.errors.as_slice() {
        [] => Ok(whole),
        [error, ..] => Err(error.to_string()),
    }
}

fn assert_same(a: &Whole, b: &Whole, what: &str) {
    assert!(same(a, b), "{what}");
}

fn same(a: &Whole, b: &Whole) -> bool {
    fn model<M, W>(part: &Option<(M, W)>) -> Option<&M> {
        part.as_ref().map(|(model, _)| model)
    }
    model(&a.init) == model(&b.init)
        && model(&a.join) == model(&b.join)
        && model(&a.reset) == model(&b.reset)
        && model(&a.upgrade) == model(&b.upgrade)
}

fn definitions<I: Wire, C: Wire, J: Wire>() -> Map<String, Value> {
    let mut definitions = Definitions::default();
    I::schema(&mut definitions);
    C::schema(&mut definitions);
    J::schema(&mut definitions);
    definitions.structures
}

/// A field in a file: `Struct.field`, and where it stands in which document.
struct Place {
    field: String,
    document: usize,
    pointer: String,
}

/// Finds every field, list entry and map entry of the documents that the definitions know.
fn places(documents: &[Value], definitions: &Map<String, Value>) -> Vec<Place> {
    let mut found = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let kind = document["kind"].as_str().unwrap();
        walk(document, &definitions[kind], kind, index, "", definitions, &mut found);
    }
    found
}

fn walk(
    value: &Value,
    schema: &Value,
    name: &str,
    document: usize,
    pointer: &str,
    definitions: &Map<String, Value>,
    found: &mut Vec<Place>,
) {
    if let Some(reference) = schema.pointer("/anyOf/0/$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap();
        return walk(value, &definitions[name], name, document, pointer, definitions, found);
    }
    match value {
        Value::Object(map) => {
            for (key, inner) in
                map.iter().filter(|(key, _)| !(pointer.is_empty() && ["apiVersion", "kind"].contains(&key.as_str())))
            {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                let (field, schema) = match schema.pointer("/properties") {
                    Some(properties) => {
                        let inner = properties.get(key).unwrap_or_else(|| panic!("{name} has no field {key}"));
                        (format!("{name}.{key}"), inner)
                    }
                    None => (name.to_owned(), &Value::Null),
                };
                found.push(Place { field: field.clone(), document, pointer: pointer.clone() });
                walk(inner, schema, &field, document, &pointer, definitions, found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                let schema = schema.get("items").unwrap_or(&Value::Null);
                walk(inner, schema, name, document, &format!("{pointer}/{index}"), definitions, found);
            }
        }
        _ => {}
    }
}

fn values(text: &str) -> Vec<Value> {
    yaml::documents(text.as_bytes()).unwrap().iter().map(|document| document.value().clone()).collect()
}

fn text(documents: &[Value]) -> String {
    documents.iter().map(yaml::to_string).collect::<Vec<_>>().join("---\n")
}

fn without(documents: &[Value], place: &Place) -> Vec<Value> {
    let mut documents = documents.to_vec();
    let (outer, last) = place.pointer.rsplit_once('/').unwrap();
    let key = last.replace("~1", "/").replace("~0", "~");
    documents[place.document].pointer_mut(outer).unwrap().as_object_mut().unwrap().remove(&key).unwrap();
    documents
}

fn versions() -> [(&'static str, [&'static str; 2], Map<String, Value>); 3] {
    let mut current = Definitions::default();
    v1beta4::ResetConfiguration::schema(&mut current);
    v1beta4::UpgradeConfiguration::schema(&mut current);
    let mut all =
        definitions::<v1beta4::InitConfiguration, v1beta4::ClusterConfiguration, v1beta4::JoinConfiguration>();
    all.extend(current.structures);
    [
        ("v1beta4", V1BETA4, all),
        (
            "v1beta3",
            V1BETA3,
            definitions::<v1beta3::InitConfiguration, v1beta3::ClusterConfiguration, v1beta3::JoinConfiguration>(),
        ),
        (
            "v1beta2",
            V1BETA2,
            definitions::<v1beta2::InitConfiguration, v1beta2::ClusterConfiguration, v1beta2::JoinConfiguration>(),
        ),
    ]
}

#[test]
fn the_full_files_have_every_field() {
    for (version, files, definitions) in versions() {
        let found: BTreeSet<String> =
            files.into_iter().flat_map(|file| places(&values(file), &definitions)).map(|place| place.field).collect();
        let fields = definitions.iter().flat_map(|(name, schema)| {
            let properties = schema["properties"].as_object().unwrap();
            properties.keys().map(move |field| format!("{name}.{field}"))
        });
        let missing: Vec<String> = fields.filter(|field| !found.contains(field)).collect();
        assert_eq!(missing, Vec::<String>::new(), "{version}");
    }
}

#[test]
fn every_field_reaches_the_internal_form() {
    for (version, files, definitions) in versions() {
        for file in files {
            let full = read(file).unwrap();
            let documents = values(file);
            assert_same(&full, &read(&text(&documents)).unwrap(), version);
            for place in places(&documents, &definitions) {
                // What is refused without the field has been looked at.
                let seen = read(&text(&without(&documents, &place))).map_or(true, |less| !same(&full, &less));
                let used = !UNUSED.contains(&place.field.as_str());
                assert_eq!(seen, used, "{version} {} ({} of document {})", place.field, place.pointer, place.document);
            }
        }
    }
}

#[test]
fn migrated_files_mean_the_same() {
    for (version, files, _) in versions() {
        for file in files {
            let migrate = |text: &str| {
                let reading = Reading { strict: true, allow_deprecated: true };
                let random: &mut dyn FnMut(&mut [u8]) = &mut |bytes| bytes.fill(2);
                let (text, warnings) = migrate(("full.yaml", text.as_bytes()), reading, &machine(), random).unwrap();
                assert_eq!(warnings.iter().find(|warning| warning.field == "apiVersion"), None);
                text.to_string()
            };
            let new = migrate(file);
            assert_same(&read(file).unwrap(), &read(&new).unwrap(), version);
            assert_eq!(migrate(&new), new, "{version}");
            let kinds =
                values(&new).iter().filter(|document| document["apiVersion"] == "kubeadm.k8s.io/v1beta4").count();
            assert_eq!(kinds, values(file).len(), "{version}");
        }
    }
}
