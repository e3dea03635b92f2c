//! The JSON Schema of `kubeadm.k8s.io/v1beta4`, made from the declarations that read the documents.
//!
//! It says what a schema can: names, types, words and forms. What fields say of each other is left to `validate.rs`.
//! Draft 7, since editors know it best. Every field may be null, as Go takes null for "not set".

pub(crate) mod rules;

use serde_json::{Map, Value, json};

use crate::component::shape::{SHAPES, Shape};
use crate::component::{KUBE_PROXY_API, KUBELET_API};
use crate::facts::ApiVersion;
use crate::v1beta4;
use crate::wire::Wire;

/// Returns the JSON Schema of all documents that one file may hold: the five kinds of v1beta4, and the kubelet's and
/// kube-proxy's own configuration.
pub fn json_schema() -> Value {
    let mut definitions = Definitions::default();
    let api = ApiVersion::V1beta4.group_version();
    let kinds = [
        definitions.document::<v1beta4::InitConfiguration>(api, "InitConfiguration"),
        definitions.document::<v1beta4::ClusterConfiguration>(api, "ClusterConfiguration"),
        definitions.document::<v1beta4::JoinConfiguration>(api, "JoinConfiguration"),
        definitions.document::<v1beta4::ResetConfiguration>(api, "ResetConfiguration"),
        definitions.document::<v1beta4::UpgradeConfiguration>(api, "UpgradeConfiguration"),
        definitions.component(KUBELET_API, "KubeletConfiguration", &SHAPES.kubelet),
        definitions.component(KUBE_PROXY_API, "KubeProxyConfiguration", &SHAPES.kube_proxy),
    ];
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Configuration files of kubewright and kubeadm",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "oneOf": kinds,
        "definitions": definitions.structures,
    })
}

/// The structs that a schema names.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// Their schemas by name.
    pub structures: Map<String, Value>,
}

/// A field of a struct.
pub(crate) struct Field {
    /// Name in the documents.
    pub name: &'static str,
    /// Lines of its description.
    pub about: &'static [&'static str],
    /// Schema of its type.
    pub schema: Value,
    /// What else holds for its value, or for the values in its list.
    pub rule: Option<Value>,
}

impl Definitions {
    /// Adds a struct, and returns the schema of a field with that type.
    pub fn structure(
        &mut self,
        name: &str,
        about: &[&str],
        rule: Option<Value>,
        fields: impl FnOnce(&mut Self) -> Vec<Field>,
    ) -> Value {
        if !self.structures.contains_key(name) {
            let properties: Map<String, Value> = fields(self).into_iter().map(Field::property).collect();
            let mut schema = json!({
                "description": text(about),
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
            });
            if let (Value::Object(schema), Some(Value::Object(rule))) = (&mut schema, rule) {
                schema.extend(rule);
            }
            self.structures.insert(name.to_owned(), schema);
        }
        json!({"anyOf": [reference(name), {"type": "null"}]})
    }

    fn document<T: Wire>(&mut self, api_version: &str, kind: &str) -> Value {
        T::schema(self);
        self.identify(api_version, kind);
        reference(kind)
    }

    fn component(&mut self, api_version: &str, kind: &str, shape: &Shape) -> Value {
        let mut schema = shape_schema(shape);
        // The document itself is no field that may be null.
        schema["type"] = "object".into();
        schema["description"] = format!("The configuration file of {kind}, as Kubernetes documents it.").into();
        self.structures.insert(kind.to_owned(), schema);
        self.identify(api_version, kind);
        reference(kind)
    }

    /// Makes a struct a document of its own.
    fn identify(&mut self, api_version: &str, kind: &str) {
        let Some(schema) = self.structures.get_mut(kind) else { return };
        schema["properties"]["apiVersion"] = json!({"const": api_version});
        schema["properties"]["kind"] = json!({"const": kind});
        let own = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        schema["required"] = ["apiVersion", "kind"].map(Value::from).into_iter().chain(own).collect();
    }
}

impl Field {
    fn property(self) -> (String, Value) {
        let mut schema = self.schema;
        if let Some(Value::Object(rule)) = self.rule {
            let place = if schema.get("items").is_some() { &mut schema["items"] } else { &mut schema };
            match place {
                Value::Object(place) => place.extend(rule),
                place => *place = Value::Object(rule),
            }
        }
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), text(self.about).into());
        }
        (self.name.to_owned(), schema)
    }
}

fn text(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// Returns the schema of a field of one type.
pub(crate) fn scalar(name: &str) -> Value {
    json!({"type": [name, "null"]})
}

/// Returns the schema of a whole number.
pub(crate) fn whole(least: i64, most: i64) -> Value {
    json!({"type": ["integer", "null"], "minimum": least, "maximum": most})
}

/// Returns the schema of a Go duration that is not negative.
pub(crate) fn duration() -> Value {
    let unit = "(ns|us|µs|μs|ms|s|m|h)";
    json!({"type": ["string", "null"], "pattern": format!(r"^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+){unit})+)$")})
}

/// Returns the schema of a list.
pub(crate) fn list(items: Value) -> Value {
    json!({"type": ["array", "null"], "items": items})
}

/// Returns the schema of a map with any keys.
pub(crate) fn map(values: Value) -> Value {
    json!({"type": ["object", "null"], "additionalProperties": values})
}

/// Unknown fields are allowed: the document may be of a newer version than these shapes.
fn shape_schema(shape: &Shape) -> Value {
    match shape {
        Shape::Text => scalar("string"),
        Shape::Flag => scalar("boolean"),
        Shape::Whole(least, most) => whole(*least, *most),
        Shape::Number => scalar("number"),
        Shape::Duration => json!({"type": ["string", "null"]}),
        Shape::Frequency | Shape::Quantity => json!({"type": ["string", "number", "null"]}),
        Shape::List(inner) => list(shape_schema(inner)),
        Shape::Map(inner) => map(shape_schema(inner)),
        Shape::Fields(fields) => {
            let properties: Map<String, Value> =
                fields.iter().map(|(name, inner)| (name.clone(), shape_schema(inner))).collect();
            json!({"type": ["object", "null"], "properties": properties})
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
