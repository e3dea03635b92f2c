//! The JSON Schema of a file: of `kubeadm.k8s.io/v1beta4`, made from the declarations that read its documents, and of the
//! components' own configuration.
//!
//! It says what a schema can: names, types, words and forms. What fields say of each other is left to `validate.rs`.

use serde_json::{Map, Value, json};

use crate::component::shape::{SHAPES, Shape};
use crate::component::{KUBE_PROXY_API, KUBELET_API};
use crate::facts::ApiVersion;
use crate::schema::{Definitions, list, map, reference, scalar, whole};
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

impl Definitions {
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
